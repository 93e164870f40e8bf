package factory

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"dmgateway/engine/factory/wire"
	"dmgateway/engine/fault"
)

// armCall is a request of Data Factory's interface, taken apart.
type armCall struct {
	w    http.ResponseWriter
	r    *http.Request
	base string   // /subscriptions/…/factories/NAME, as it was asked for
	rest []string // what follows it
}

// armType is the resource provider's part of a type.
const armType = "Microsoft.DataFactory/factories"

// arm answers Data Factory's interface. Path segments are matched without regard to case, as Azure does; subscription
// and resource group can be anything, since a factory of this sort is in none.
func (f *Factory) arm(w http.ResponseWriter, r *http.Request) error {
	segments, err := pathSegments(r.URL)
	if err != nil {
		return err
	}
	lower := make([]string, len(segments))
	for i, s := range segments {
		lower[i] = strings.ToLower(s)
	}
	at := func(i int, want string) bool { return i < len(lower) && lower[i] == want }
	if !at(0, "subscriptions") || len(segments) < 2 {
		return errNoPath(r)
	}
	if err := checkVersion(r); err != nil {
		return err
	}
	switch {
	case at(2, "providers") && at(3, "microsoft.datafactory") && at(4, "factories") && len(segments) == 5:
		return f.listFactories(w, r, "/"+strings.Join(segments[:2], "/")+"/resourceGroups/default/providers/"+armType)
	case !at(2, "resourcegroups") || !at(4, "providers") || !at(5, "microsoft.datafactory") || !at(6, "factories"):
		return errNoPath(r)
	case len(segments) == 7:
		return f.listFactories(w, r, "/"+strings.Join(segments, "/"))
	case !strings.EqualFold(segments[7], f.name):
		return fault.New(fault.NotFound, "there is no factory %q; this one is %q", segments[7], f.name).At(segments[7]).Try("Use this factory's name in the path.")
	}
	c := armCall{w: w, r: r, base: "/" + strings.Join(segments[:8], "/"), rest: segments[8:]}
	return f.armFactory(c)
}

func pathSegments(u *url.URL) ([]string, error) {
	var list []string
	for s := range strings.SplitSeq(strings.Trim(u.EscapedPath(), "/"), "/") {
		text, err := url.PathUnescape(s)
		if err != nil {
			return nil, fault.New(fault.BadInput, "the path %q cannot be read", u.Path)
		}
		list = append(list, text)
	}
	return list, nil
}

func errNoPath(r *http.Request) error {
	return fault.New(fault.NotFound, "there is nothing at this path: %s %s", r.Method, r.URL.Path).
		Try("Paths are those of Data Factory: /subscriptions/ID/resourceGroups/GROUP/providers/Microsoft.DataFactory/factories/NAME/…")
}

func errMethod(r *http.Request) error {
	return fault.New(methodNotAllowed, "%s is not supported here: %s", r.Method, r.URL.Path)
}

func checkVersion(r *http.Request) error {
	for name, values := range r.URL.Query() {
		if !strings.EqualFold(name, "api-version") {
			continue
		}
		if values[0] == wire.APIVersion {
			return nil
		}
		return fault.New(badAPIVersion, "the api-version %q is not supported; the only one is %s", values[0], wire.APIVersion).At("api-version").
			Try("Send api-version=%s.", wire.APIVersion)
	}
	return fault.New(badAPIVersion, "the query parameter api-version is missing").At("api-version").Try("Send api-version=%s.", wire.APIVersion)
}

// armFactory answers below the factory.
func (f *Factory) armFactory(c armCall) error {
	if len(c.rest) == 0 {
		if c.r.Method != http.MethodGet {
			return errMethod(c.r)
		}
		return writeJSON(c.w, http.StatusOK, f.info(c.base))
	}
	switch strings.ToLower(c.rest[0]) {
	case "linkedservices":
		return f.armResource(c, kindLinkedService)
	case "datasets":
		return f.armResource(c, kindDataset)
	case "pipelines":
		return f.armResource(c, kindPipeline)
	case "integrationruntimes":
		return f.armRuntime(c)
	case "pipelineruns":
		return f.armPipelineRun(c)
	case "reports":
		return f.armReport(c)
	case "querypipelineruns":
		if len(c.rest) == 1 {
			return only(http.MethodPost, c, f.queryPipelineRuns)
		}
	}
	return errNoPath(c.r)
}

// only refuses every method but one.
func only(method string, c armCall, h func(armCall) error) error {
	if c.r.Method != method {
		return errMethod(c.r)
	}
	return h(c)
}

func (f *Factory) info(base string) wire.FactoryInfo {
	return wire.FactoryInfo{
		ID: base, Name: f.name, Type: armType, Location: "local",
		Properties: wire.FactoryProperties{ProvisioningState: "Succeeded", CreateTime: f.made, Version: wire.APIVersion, FactoryID: f.id},
	}
}

func (f *Factory) listFactories(w http.ResponseWriter, r *http.Request, above string) error {
	if r.Method != http.MethodGet {
		return errMethod(r)
	}
	return writeJSON(w, http.StatusOK, wire.List[wire.FactoryInfo]{Value: []wire.FactoryInfo{f.info(above + "/" + f.name)}})
}

// names of resources, as Data Factory restricts them; runtimes may have hyphens and nothing else.
var (
	resourceName = regexp.MustCompile(`^[A-Za-z0-9_][^<>*#.%&:\\+?/]{0,259}$`)
	runtimeName  = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
)

// preconditions checks If-Match, and If-None-Match: *, against the resource's present ETag, "" where there is none yet.
func preconditions(r *http.Request, etag string) error {
	if r.Header.Get("If-None-Match") == "*" && etag != "" {
		return fault.New(fault.Conflict, "there is one of that name already").At(r.URL.Path)
	}
	want := r.Header.Get("If-Match")
	if want == "" || (want == "*" && etag != "") || (etag != "" && strings.Trim(want, `"`) == etag) {
		return nil
	}
	return fault.New(preconditionFailed, "the resource is not the version %s any more", want).
		Try("Get it again, and repeat the change on that version.")
}

// unchanged answers 304 where the caller has the present version.
func unchanged(c armCall, etag string) bool {
	want := c.r.Header.Get("If-None-Match")
	if c.r.Method != http.MethodGet || want == "" || (want != "*" && strings.Trim(want, `"`) != etag) {
		return false
	}
	c.w.WriteHeader(http.StatusNotModified)
	return true
}

// gone answers a delete: 200 where there was something, 204 where there was nothing.
func gone(c armCall, err error) error {
	if fault.Code(err) == fault.NotFound {
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if err == nil {
		c.w.WriteHeader(http.StatusOK)
	}
	return err
}
