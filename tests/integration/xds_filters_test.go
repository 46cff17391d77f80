package integration

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/moeproxy/moe/tests/integration/controlplane"
)

const (
	extensionType = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
	golangType    = "type.googleapis.com/envoy.extensions.filters.http.golang.v3alpha.Config"
	mutationType  = "type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"
)

// withNamed is a connection manager with a filter in front whose configuration comes by name; more is fields of its
// config_discovery, each with a comma behind.
func (w way) withNamed(name, typeURL, more, routes string, source ...string) string {
	named := fmt.Sprintf("{name: %s, config_discovery: {%sconfig_source: %s, type_urls: [%s]}}, ", name, more, w.source(source...), typeURL)
	return strings.Replace(hcm(routes), "http_filters: [", "http_filters: ["+named, 1)
}

func extension(name, config string) string {
	return typed("envoy.config.core.v3.TypedExtensionConfig", fmt.Sprintf("name: %s, typed_config: %s", name, config))
}

// A Go filter's configuration changes while requests come: each is served by the one or the other, and none fails.
func TestXDSGoFilterConfigurationChangesUnderLoad(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		if w.program != binary(t) {
			t.Skip("Envoy has no Go filters, but for its contrib build")
		}
		a := namedBackend(t, "a")
		plane, port := startPlane(t, controlplane.Options{}), freePort(t)
		goConfig := func(config string) string {
			return extension("golang", fmt.Sprintf(`{"@type": type.googleapis.com/xds.type.v3.TypedStruct, type_url: %s, value: {library_id: test, library_path: %q, plugin_name: test%s}}`,
				golangType, pluginPath(t), pluginConfig("plugin_config", config)))
		}
		put(t, plane, plainCluster("a", "", a.address), goConfig("{a: one}"),
			listener("web", port, w.withNamed("golang", golangType, "", "route_config: {"+virtualHosts("a")+"}")))
		p := startDynamic(t, plane, dynamicProxy{way: w}, port)
		says := func(want string) {
			t.Helper()
			eventually(t, func() string {
				request, _ := http.NewRequest(http.MethodGet, url(port, "/"), nil)
				request.Header.Set("X-Mode", "config")
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					return err.Error()
				}
				defer response.Body.Close()
				if body, _ := io.ReadAll(response.Body); strings.TrimSpace(string(body)) != want {
					return fmt.Sprintf("found %d %s, expected %s; the control plane saw\n%s%s", response.StatusCode, body, want, p.plane.Dump(), p.output)
				}
				return ""
			})
		}
		says(`{"a":"one"}`)
		load := startLoad(t, port)
		for _, value := range []string{"two", "three", "two"} {
			put(t, plane, goConfig("{a: "+value+"}"))
			says(`{"a":"` + value + `"}`)
			load.some(20)
		}
		const stats = "extension_config_discovery.http_filter.golang."
		p.stat(stats+"config_reload", "4")
		for i, wrong := range []string{goConfig("{refuse: true}"), extension("golang", `{"@type": `+mutationType+"}")} {
			put(t, plane, wrong)
			p.stat(stats+"config_fail", fmt.Sprint(i+1))
			p.stat(stats+"update_rejected", fmt.Sprint(i+1))
			says(`{"a":"two"}`)
		}
		expect(t, "what was refused", p.dump("EcdsConfigDump", "ecds_filters")["golang"]["client_status"], "NACKED")
		load.stop()
	})
}

// Without a configuration in time a listener serves, and its requests are answered with 500 until there is one.
func TestXDSFilterConfigurationThatDoesNotCome(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		if w.program != binary(t) {
			t.Skip("Envoy has no Go filters, but for its contrib build")
		}
		a := namedBackend(t, "a")
		plane, port := startPlane(t, controlplane.Options{}), freePort(t)
		routes := "route_config: {" + virtualHosts("a") + "}"
		put(t, plane, plainCluster("a", "", a.address),
			listener("web", port, w.withNamed("golang", golangType, "", routes, "initial_fetch_timeout: 0.2s, ")))
		p := startDynamic(t, plane, dynamicProxy{way: w}, port)
		p.answers(port, "/", 500, "")
		put(t, plane, extension("golang", fmt.Sprintf(`{"@type": type.googleapis.com/xds.type.v3.TypedStruct, type_url: %s, value: {library_id: test, library_path: %q, plugin_name: test}}`,
			golangType, pluginPath(t))))
		p.answers(port, "/", 200, "a")
		if w.delta {
			remove(t, plane, extensionType, "golang")
			p.answers(port, "/", 500, "")
		}
	})
}
