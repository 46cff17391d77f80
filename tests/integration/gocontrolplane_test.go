package integration

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moeproxy/moe/tests/integration/controlplane"
)

// portRow is so many ports in a row that nobody listens on now.
func portRow(t *testing.T, count int) int {
	t.Helper()
	for range 1000 {
		first := freePort(t)
		row := 1
		for row < count && freePort(t) == first+row {
			row++
		}
		if row == count {
			return first
		}
	}
	t.Fatal("no ports in a row")
	return 0
}

// go-control-plane's published integration program (package pkg/test/main): it serves snapshots, each with new names
// for all clusters and route tables, and asks through the proxy whether they came. Scoped routes (SRDS) and VHDS are
// left out: moe has neither. All of its HTTP listeners log over gRPC, which moe refuses by name: until it does not,
// this runs with Envoy only.
func TestGoControlPlanesOwnProgramNeedsGRPCAccessLogs(t *testing.T) {
	t.Parallel()
	if os.Getenv("MOE_ENVOY") == "" {
		t.Skip("moe has no gRPC access logs, and there is no Envoy (MOE_ENVOY)")
	}
	program := filepath.Join(t.TempDir(), "test")
	build := exec.Command("go", "build", "-o", program, "github.com/envoyproxy/go-control-plane/pkg/test/main")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	const message = "Hi, there!"
	upstream := backend(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, message) })
	_, upstreamPort, _ := strings.Cut(upstream, ":")
	twoPrograms(t, func(t *testing.T, proxy string) {
		if proxy != os.Getenv("MOE_ENVOY") {
			t.Skip("moe has no gRPC access logs")
		}
		for _, c := range []struct {
			mode string
			w    way
			more []string
		}{
			{"ads", way{ads: true}, nil},
			{"ads", way{ads: true}, []string{"-tls"}},
			{"xds", way{}, nil},
			{"xds", way{}, []string{"-tls"}},
			{"xds", way{}, []string{"-mux"}},
			{"delta", way{delta: true}, nil},
			{"delta", way{delta: true}, []string{"-tls"}},
			{"delta-ads", way{ads: true, delta: true}, nil},
			{"delta-ads", way{ads: true, delta: true}, []string{"-tls"}},
		} {
			t.Run(c.mode+strings.Join(c.more, ""), func(t *testing.T) {
				t.Parallel()
				c.w.program = proxy
				port, gateway, als, base := freePort(t), freePort(t), freePort(t), portRow(t, 4)
				arguments := []string{"-xds", c.mode, "-message", message, "-upstream", upstreamPort, "-port", fmt.Sprint(port), "-gateway", fmt.Sprint(gateway),
					"-als", fmt.Sprint(als), "-base", fmt.Sprint(base), "-scopedhttp", "0", "-vhdshttp", "0", "-u", "3", "-r", "8", "-delay", "250ms"}
				var output bytes.Buffer
				test := exec.Command(program, append(arguments, c.more...)...)
				test.Stdout, test.Stderr = &output, &output
				if err := test.Start(); err != nil {
					t.Fatal(err)
				}
				ended := make(chan error, 1)
				go func() { ended <- test.Wait() }()
				p := startDynamic(t, startPlane(t, controlplane.Options{}), dynamicProxy{way: c.w, address: fmt.Sprintf("127.0.0.1:%d", port),
					clusters: []string{h2.cluster("als_cluster", fmt.Sprintf("127.0.0.1:%d", als))}})
				select {
				case err := <-ended:
					if want := fmt.Sprintf("Test for %s passed!", c.mode); err != nil || !strings.Contains(output.String(), want) {
						t.Errorf("%v, expected %q in:\n%s\n%s", err, want, &output, p.output)
					}
				case <-time.After(2 * time.Minute):
					_ = test.Process.Kill()
					<-ended
					t.Fatalf("it does not end:\n%s\n%s", &output, p.output)
				}
			})
		}
	})
}
