package engine

import (
	"path/filepath"
	"regexp"
	"strings"

	"dmgateway/engine/credential"
	"dmgateway/engine/fault"
)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// ownVariables begin the names of the program's own variables, some of which hold its secrets; they are closed to jobs.
const ownVariables = "DMG_"

func checkReferences(value string) (string, error) {
	var list []string
	for _, entry := range splitReferences(value) {
		switch {
		case filepath.IsAbs(entry):
			entry = filepath.Clean(entry)
			if filepath.Dir(entry) == entry {
				return "", wrongValue(value, "%s is everything there is; give the file or the folder that holds the secrets.", entry)
			}
		case strings.HasPrefix(strings.ToUpper(entry), ownVariables):
			return "", wrongValue(value, "Variables whose names begin with %s are the program's own.", ownVariables)
		case !variableName.MatchString(entry):
			return "", wrongValue(value, "%q is neither the name of an environment variable nor an absolute path.", entry)
		}
		list = append(list, entry)
	}
	return strings.Join(list, ", "), nil
}

func splitReferences(value string) []string {
	var list []string
	for entry := range strings.SplitSeq(value, ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			list = append(list, entry)
		}
	}
	return list
}

// resolveReference gives the secret that a linked service of a factory refers to, where the operator has allowed it. A
// factory must not read the machine's environment and files at will.
func (e *Engine) resolveReference(r credential.Reference) (string, error) {
	refused := fault.New(fault.Forbidden, "linked services may not use the secret in the %s", r).At(r.Name).
		Try("If they should, the operator adds it to the setting %q: `dmgcmd settings %s \"…\"`.", SettingSecretReferences, SettingSecretReferences)
	if r.Type == credential.EnvironmentVariable {
		if strings.HasPrefix(strings.ToUpper(r.Name), ownVariables) || !variableName.MatchString(r.Name) {
			return "", refused
		}
		for _, entry := range splitReferences(e.setting(SettingSecretReferences)) {
			if !filepath.IsAbs(entry) && entry == r.Name {
				return r.Read()
			}
		}
		return "", refused
	}
	if !filepath.IsAbs(r.Name) {
		return "", fault.New(fault.BadInput, "the path of a secret's file has to be absolute").At(r.Name)
	}
	real, err := realPath(r.Name)
	if err != nil {
		return "", fault.New(fault.NotFound, "the secret in the %s cannot be used", r).At(r.Name).Because(err)
	}
	if data, err := realPath(e.data); err != nil || within(real, data) {
		return "", refused.Try("The gateway's own data is closed to jobs; keep the secret elsewhere.")
	}
	for _, own := range credential.PassphraseFiles() {
		if path, err := realPath(own); err != nil || path == real {
			return "", refused.Try("The passphrase for the gateway's own secrets is closed to jobs.")
		}
	}
	for _, entry := range splitReferences(e.setting(SettingSecretReferences)) {
		if filepath.IsAbs(entry) && below(real, entry) {
			r.Name = real
			return r.Read()
		}
	}
	return "", refused
}
