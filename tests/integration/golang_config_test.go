package integration

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestGoConfigurationIsMergedPerRoute(t *testing.T) {
	perRoute := func(config string) string {
		return `typed_per_filter_config: {golang: {"@type": type.googleapis.com/envoy.extensions.filters.http.golang.v3alpha.ConfigsPerRoute, plugins_config: {test: ` + config + `}}}`
	}
	port := freePort(t)
	routes := []string{
		`{match: {prefix: /merged}, route: {cluster: site}, ` + perRoute(`{config: {"@type": type.googleapis.com/xds.type.v3.TypedStruct, type_url: test, value: {b: route, c: [1, 2]}}}`) + `}`,
		`{match: {prefix: /off}, route: {cluster: site}, ` + perRoute(`{disabled: true}`) + `}`,
		allToSite,
	}
	start(t, httpConfigWith([]string{goFilter(pluginPath(t), "{a: filter, b: filter}")}, port, routes,
		[]string{staticCluster("site", "", backend(t, echo))}), port)
	get := func(path string) (*http.Response, map[string]interface{}) {
		request, _ := http.NewRequest(http.MethodGet, url(port, path), nil)
		request.Header.Set("X-Mode", "config")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var out map[string]interface{}
		_ = json.NewDecoder(response.Body).Decode(&out)
		return response, out
	}
	for i := 0; i < 3; i++ {
		_, plain := get("/")
		expect(t, "the filter's", plain, map[string]interface{}{"a": "filter", "b": "filter"})
		_, merged := get("/merged")
		expect(t, "merged", merged, map[string]interface{}{"a": "filter", "b": "route", "c": []int{1, 2}})
	}
	response, _ := get("/off")
	expect(t, "off", response.Header.Get("X-Go-Encoded"), "")
	expect(t, "off, forwarded", response.Header.Get("X-Upstream"), "here")
}

// validate runs moe on a configuration that it does not take, and gives its exit code and what it says.
func validate(t *testing.T, config string) (int, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bootstrap.yaml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	output, err := exec.Command(binary(t), "-c", file, "--mode", "validate").CombinedOutput()
	exit, failed := err.(*exec.ExitError)
	if !failed {
		t.Fatalf("%v %s", err, output)
	}
	return exit.ExitCode(), string(output)
}

func TestGoPluginNameIsInOneLibrary(t *testing.T) {
	path := pluginPath(t)
	bytes, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "libother.so")
	if err := os.WriteFile(other, bytes, 0o755); err != nil {
		t.Fatal(err)
	}
	second := strings.Replace(goFilter(other, ""), "library_id: test", "library_id: other", 1)
	code, output := validate(t, httpConfigWith([]string{goFilter(path, ""), second}, 1, []string{allToSite},
		[]string{staticCluster("site", "", "127.0.0.1:1")}))
	expect(t, "exit code", code, 1)
	for _, want := range []string{"http_filters[1].typed_config.plugin_name", `found "test" in the library "` + other + `"`, `expected it in "` + path + `"`} {
		if !strings.Contains(output, want) {
			t.Errorf("%s\nexpected: %s", output, want)
		}
	}
}

// As docs/write-a-filter.md says: the SDK recovers from panics in methods of filters only.
func TestGoPanicOfAParserEndsTheProcess(t *testing.T) {
	_, output := validate(t, httpConfigWith([]string{goFilter(pluginPath(t), "{panic: true}")}, 1, []string{allToSite},
		[]string{staticCluster("site", "", "127.0.0.1:1")}))
	if !strings.Contains(output, "panic: boom in Parse") {
		t.Error(output)
	}
}

// The configuration, and with it the plugin's, is destroyed while goroutines are at work.
func TestGoConfigurationIsDestroyedUnderLoad(t *testing.T) {
	for round := 0; round < 3; round++ {
		port := freePort(t)
		proxy := start(t, httpConfigWith([]string{goFilter(pluginPath(t), "{a: 1}")}, port,
			[]string{`{match: {prefix: /}, route: {cluster: site}, typed_per_filter_config: {golang: {"@type": type.googleapis.com/envoy.extensions.filters.http.golang.v3alpha.ConfigsPerRoute, ` +
				`plugins_config: {test: {config: {"@type": type.googleapis.com/xds.type.v3.TypedStruct, value: {b: 2}}}}}}}`},
			[]string{staticCluster("site", "", backend(t, echo))}), port)
		stop := make(chan struct{})
		var group sync.WaitGroup
		var served sync.WaitGroup
		served.Add(8)
		for c := 0; c < 8; c++ {
			group.Add(1)
			go func() {
				defer group.Done()
				modes := []string{"async", "late", "body-async", "response-body-async", "metadata-async", "info-async", "config"}
				client := http.Client{Timeout: time.Second, Transport: &http.Transport{}}
				defer client.CloseIdleConnections()
				for i := 0; ; i++ {
					if i == 3 {
						served.Done()
					}
					select {
					case <-stop:
						if i < 3 {
							served.Done()
						}
						return
					default:
					}
					request, _ := http.NewRequest(http.MethodPost, url(port, "/"), strings.NewReader(strings.Repeat("x", 20_000)))
					request.Header.Set("X-Mode", modes[(c+i)%len(modes)])
					if modes[(c+i)%len(modes)] == "late" {
						client.Timeout = 20 * time.Millisecond
					} else {
						client.Timeout = time.Second
					}
					if response, err := client.Do(request); err == nil {
						_, _ = io.Copy(io.Discard, response.Body)
						response.Body.Close()
					}
				}
			}()
		}
		served.Wait()
		_ = proxy.cmd.Process.Signal(syscall.SIGTERM)
		_ = proxy.cmd.Process.Signal(syscall.SIGINT) // the second one: at once
		proxy.stop()
		close(stop)
		group.Wait()
	}
}
