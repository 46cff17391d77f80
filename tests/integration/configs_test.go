package integration

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// configText is a file of configs/ with the Go libraries that it names, built.
func configText(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../configs", name))
	if err != nil {
		t.Fatal(err)
	}
	out := string(text)
	for path, pkg := range map[string]string{
		"build/gofilter/libdemo.so":      "./cmd/demo",
		"build/gofilter/libaddheader.so": "./examples/addheader",
	} {
		if strings.Contains(out, path) {
			out = strings.ReplaceAll(out, path, library(t, "../../gofilter", pkg))
		}
	}
	return out
}

func TestConfigurationsValidate(t *testing.T) {
	files, _ := filepath.Glob("../../configs/*.yaml")
	if len(files) < 5 {
		t.Fatalf("only %d configs", len(files))
	}
	for _, file := range files {
		copied := filepath.Join(t.TempDir(), filepath.Base(file))
		if err := os.WriteFile(copied, []byte(configText(t, filepath.Base(file))), 0o644); err != nil {
			t.Fatal(err)
		}
		validate := exec.Command(binary(t), "-c", copied, "--mode", "validate", "--strict")
		validate.Dir = "../.." // files that they name are named from there
		if output, err := validate.CombinedOutput(); err != nil {
			t.Errorf("%s: %v %s", file, err, output)
		}
	}
}

func TestTheConfigurationForRetriesTriesTheOtherSite(t *testing.T) {
	site := backend(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "here") })
	_, sitePort, _ := net.SplitHostPort(site)
	port, admin := freePort(t), freePort(t)
	text := configText(t, "retries.yaml")
	for from, to := range map[string]string{"10000}": fmt.Sprint(port, "}"), "15000}": fmt.Sprint(admin, "}"), "9001}": sitePort + "}", "9002}": "1}"} {
		text = strings.ReplaceAll(text, "port_value: "+from, "port_value: "+to)
	}
	m := start(t, text, port, admin)
	for range 6 {
		response, err := http.Get(url(port, "/"))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		expect(t, "status", response.StatusCode, 200)
	}
	eventually(t, func() string {
		if !strings.Contains(m.output.String(), "GET / 200 - tries=2\n") {
			return m.output.String()
		}
		return ""
	})
}

func TestTheFirstFilterAddsItsHeaders(t *testing.T) {
	site := backend(t, func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Seen", r.Header.Get("X-From-Go")) })
	_, sitePort, _ := net.SplitHostPort(site)
	port := freePort(t)
	text := configText(t, "go-filter.yaml")
	text = strings.ReplaceAll(text, "port_value: 10000}", fmt.Sprintf("port_value: %d}", port))
	text = strings.ReplaceAll(text, "port_value: 9001}", fmt.Sprintf("port_value: %s}", sitePort))
	start(t, text, port)
	response, err := http.Get(url(port, "/"))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	expect(t, "in the request", response.Header.Get("X-Seen"), "hello, upstream")
	expect(t, "in the response", response.Header.Get("X-From-Go"), "hello, client")
}

func TestTheConfigurationForFilterChainsTellsProtocols(t *testing.T) {
	replace := map[string]string{}
	port := freePort(t)
	replace["10000}"] = fmt.Sprint(port, "}")
	for _, name := range []string{"9443", "9001"} {
		_, at, _ := net.SplitHostPort(startNaming(t, name))
		replace[name+"}"] = at + "}"
	}
	text := configText(t, "filter-chains.yaml")
	for from, to := range replace {
		text = strings.ReplaceAll(text, "port_value: "+from, "port_value: "+to)
	}
	start(t, text, port)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	response, err := http.Get(url(port, "/"))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	expect(t, "status", response.StatusCode, 200)
	expect(t, "TLS", sayAll(t, address, clientHello(t, "www.example.com", nil)), "9443")
	expect(t, "other TLS", sayAll(t, address, clientHello(t, "example.org", nil)), "")
	expect(t, "something else", sayAll(t, address, []byte("*1\r\n")), "9001")
	expect(t, "a client that waits", sayAll(t, address, nil), "9001")
}
