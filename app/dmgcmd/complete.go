package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"dmgateway/engine"
)

type completionCmd struct {
	Script completionScript `cmd:"" default:"withargs" help:"Print the script for a shell."`
	Words  completionWords  `cmd:"" hidden:"" help:"What could stand in the place of the last word."`
}

type completionScript struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (c completionScript) Run(p *program) error {
	_, err := io.WriteString(p.out, completionScripts[c.Shell])
	return err
}

// completionScripts ask the program itself, so they fit any version of it.
var completionScripts = map[string]string{
	"bash": `# bash completion for dmgcmd
_dmgcmd() {
	local line files=
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:files) files=1 ;;
		*) COMPREPLY+=("${line%%$'\t'*}") ;;
		esac
	done < <("$1" completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	if [ -n "$files" ] && [ ${#COMPREPLY[@]} -eq 0 ]; then
		compopt -o default
	fi
}
complete -F _dmgcmd dmgcmd
`,
	"zsh": `#compdef dmgcmd
_dmgcmd() {
	local -a found
	local line files=
	while IFS= read -r line; do
		if [[ $line == :files ]]; then
			files=1
		else
			found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
		fi
	done < <("${words[1]}" completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null)
	(( $#found )) && _describe dmgcmd found
	[[ -n $files ]] && _files
}
if [[ ${funcstack[1]} == _dmgcmd ]]; then
	_dmgcmd "$@"
else
	compdef _dmgcmd dmgcmd
fi
`,
	"fish": `# fish completion for dmgcmd
function __dmgcmd_words
	set -l typed (commandline -opc)
	set -l last (commandline -ct)
	for line in ($typed[1] completion words -- $typed[2..-1] "$last" 2>/dev/null)
		if test "$line" = ":files"
			__fish_complete_path "$last"
		else
			echo $line
		end
	end
end
complete -c dmgcmd -f -a '(__dmgcmd_words)'
`,
}

type completionWords struct {
	Typed []string `arg:"" optional:"" help:"The words behind the program's name; the last one is being typed."`
}

// Run prints a line for each word that fits, with a tab and what it means, and ":files" where a file's name fits.
func (c completionWords) Run(p *program) error {
	parser, err := grammar(&cli{})
	if err != nil {
		return err
	}
	typed := c.Typed
	if len(typed) == 0 {
		typed = []string{""}
	}
	found, files := complete(parser.Model.Node, typed)
	for _, f := range found {
		fmt.Fprintf(p.out, "%s\t%s\n", f[0], f[1])
	}
	if files {
		fmt.Fprintln(p.out, ":files")
	}
	return nil
}

// complete gives the words, each with its meaning, that fit in the place of the last one of typed, and whether the name
// of a file fits too.
func complete(root *kong.Node, typed []string) (found [][2]string, files bool) {
	at := place{node: root}
	for _, word := range typed[:len(typed)-1] {
		at.take(word)
	}
	last := typed[len(typed)-1]
	add := func(word, meaning string) {
		if strings.HasPrefix(word, last) {
			found = append(found, [2]string{word, meaning})
		}
	}
	if name, _, ok := strings.Cut(last, "="); ok && strings.HasPrefix(name, "--") {
		flag := at.flag(name)
		if flag == nil {
			return nil, false
		}
		for _, v := range flag.EnumSlice() {
			add(name+"="+v, "")
		}
		return found, false
	}
	switch {
	case at.open != nil:
		return words(at.open.Value, last), takesFile(at.open.Value)
	case strings.HasPrefix(last, "-"):
		for _, flag := range at.flags() {
			add("--"+flag.Name, flag.Help)
		}
		return found, false
	}
	for _, n := range at.node.Children {
		if n.Type == kong.CommandNode && !n.Hidden && at.taken == 0 {
			add(n.Name, n.Help)
		}
	}
	arg := at.argument()
	if arg == nil {
		return found, false
	}
	if at.node.Name == "settings" && at.taken == 0 {
		for _, s := range engine.SettingDefinitions() {
			add(s.Name, s.Help)
		}
	}
	found = append(found, words(arg, last)...)
	return found, takesFile(arg)
}

// words are the values that a flag or argument is limited to.
func words(v *kong.Value, last string) (found [][2]string) {
	for _, e := range v.EnumSlice() {
		if e != "" && strings.HasPrefix(e, last) {
			found = append(found, [2]string{e, ""})
		}
	}
	return found
}

// takesFile says whether a flag's or argument's value is the name of a file or folder, as its type or its placeholder tells.
func takesFile(v *kong.Value) bool {
	if v.Enum != "" {
		return false
	}
	switch v.Tag.Type {
	case "path", "existingfile", "existingdir", "filecontent":
		return true
	}
	return slices.ContainsFunc([]string{"FILE", "DIR", "PATH", "BUNDLE", "FOLDER"}, func(word string) bool {
		return strings.HasPrefix(v.Tag.PlaceHolder, word)
	})
}

// place is how far the words of a call have come.
type place struct {
	node  *kong.Node
	open  *kong.Flag // still wants its value
	taken int        // arguments so far
}

// leaf is the command that runs where no further word names one.
func (at *place) leaf() *kong.Node {
	if at.node.DefaultCmd != nil {
		return at.node.DefaultCmd
	}
	return at.node
}

func (at *place) take(word string) {
	if at.open != nil {
		if word != "=" { // bash cuts --flag=value there
			at.open = nil
		}
		return
	}
	if strings.HasPrefix(word, "--") {
		if f := at.flag(word); f != nil && !f.IsBool() && !f.IsCounter() {
			at.open = f
		}
		return
	}
	i := slices.IndexFunc(at.node.Children, func(n *kong.Node) bool { return n.Type == kong.CommandNode && n.Name == word })
	if i >= 0 && at.taken == 0 {
		at.node = at.node.Children[i]
		return
	}
	at.taken++
}

// flags are all that may stand here: the command's, those around it, and those of the command that it stands for.
func (at *place) flags() (list []*kong.Flag) {
	for _, group := range at.leaf().AllFlags(true) {
		list = append(list, group...)
	}
	return list
}

func (at *place) flag(name string) *kong.Flag {
	for _, f := range at.flags() {
		if "--"+f.Name == name {
			return f
		}
	}
	return nil
}

// argument is the one that comes next, nil for none.
func (at *place) argument() *kong.Value {
	list := at.leaf().Positional
	switch {
	case at.taken < len(list):
		return list[at.taken]
	case len(list) > 0 && list[len(list)-1].IsCumulative():
		return list[len(list)-1]
	}
	return nil
}
