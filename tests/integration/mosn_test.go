package integration

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func mosnConfig(t *testing.T, port int, filter string) string {
	t.Helper()
	path := library(t, "../../gofilter", "./mosn/testdata/probe")
	return httpConfigWith([]string{goFilter(path, "{stream_filters: [{type: "+filter+"}]}")}, port, []string{allToSite},
		[]string{staticCluster("site", "", backend(t, echo))})
}

func TestAMOSNFilterGoesOnLater(t *testing.T) {
	port := freePort(t)
	start(t, mosnConfig(t, port, "probe"), port)
	hasty := http.Client{Timeout: 20 * time.Millisecond}
	for range 5 {
		request, _ := http.NewRequest(http.MethodGet, url(port, "/"), nil)
		request.Header.Set("X-Mode", "later")
		if response, err := hasty.Do(request); err == nil {
			response.Body.Close()
			t.Error("answered before the filter went on")
		}
	}
	response, _ := ask(t, port, "later", strings.NewReader("body")) // later than the hasty ones
	expect(t, "status", response.StatusCode, 200)
	expect(t, "the filter's header", response.Header.Get("X-Seen-X-Late"), "1")
	expect(t, "the request's path, to the sender", response.Header.Get("X-Path"), "/path")
	response, text := ask(t, port, "begin", nil)
	expect(t, "a reply that was begun", text, "begun")
	expect(t, "its sender", response.Header.Get("X-Path"), "/path")
}

func TestAMOSNFactoryThatPanicsIsAnsweredWith500(t *testing.T) {
	port := freePort(t)
	start(t, mosnConfig(t, port, "broken"), port)
	for _, expected := range []int{200, 500, 200, 500} {
		response, _ := ask(t, port, "", nil)
		expect(t, "status", response.StatusCode, expected)
	}
}

func TestAMOSNCreatorThatPanicsIsAConfigurationError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bootstrap.yaml")
	if err := os.WriteFile(file, []byte(mosnConfig(t, freePort(t), "refused")), 0o644); err != nil {
		t.Fatal(err)
	}
	output, err := exec.Command(binary(t), "-c", file, "--mode", "validate").CombinedOutput()
	if _, exits := err.(*exec.ExitError); !exits || !strings.Contains(string(output), "stream_filters[0] (refused): its creator panicked: broken creator") {
		t.Errorf("%v %s", err, output)
	}
}
