package integration

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/moeproxy/moe/tests/integration/controlplane"
)

func (w way) runtimeLayers(names ...string) string {
	var layers string
	for _, name := range names {
		layers += fmt.Sprintf("  - {name: %s, rtds_layer: {name: %s, rtds_config: %s}}\n", name, name, w.source())
	}
	return "layered_runtime:\n  layers:\n" + layers + "  - {name: admin, admin_layer: {}}\n"
}

func runtimeLayer(name, values string) string {
	return typed("envoy.service.runtime.v3.Runtime", fmt.Sprintf("name: %s, layer: {%s}", name, values))
}

// keepsOpen makes a connection and says whether a request on it is answered.
func keepsOpen(t *testing.T, port int) (net.Conn, bool) {
	t.Helper()
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	_ = connection.SetDeadline(time.Now().Add(deadline))
	_, _ = io.WriteString(connection, "GET / HTTP/1.1\r\nhost: h\r\n\r\n")
	n, _ := connection.Read(make([]byte, 1))
	return connection, n == 1
}

// A limit that the control plane changes counts for the next connection; those that are open stay.
func TestXDSRuntimeChangesAConnectionLimit(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		a := namedBackend(t, "a")
		plane, port := startPlane(t, controlplane.Options{}), freePort(t)
		const key = "envoy.resource_limits.listener.web.connection_limit"
		put(t, plane, runtimeLayer("limits", key+": 2"))
		p := startDynamic(t, plane, dynamicProxy{way: w, kinds: " ", top: w.runtimeLayers("limits"),
			listeners: []string{anyCluster(port, "a")}, clusters: []string{staticCluster("a", "", a.address)}})
		p.stat("listener_manager.workers_started", "1")
		opens := func(what string, want bool) {
			t.Helper()
			if _, open := keepsOpen(t, port); open != want {
				t.Errorf("%s: found open %v, expected %v\n%s", what, open, want, p.output)
			}
		}
		opens("the first of 2", true)
		opens("the second of 2", true)
		opens("the third of 2", false)
		put(t, plane, runtimeLayer("limits", key+": 3"))
		p.stat("runtime.update_success", "2")
		opens("the third of 3", true)
		opens("the fourth of 3", false)
		adminAsk(t, http.DefaultClient, http.MethodPost, url(p.admin, "/runtime_modify?"+key+"=4"))
		opens("the fourth, as the admin interface says", true)
		opens("the fifth of 4", false)
		adminAsk(t, http.DefaultClient, http.MethodPost, url(p.admin, "/runtime_modify?"+key+"="))
		put(t, plane, runtimeLayer("limits", ""))
		p.stat("runtime.num_keys", "0")
		opens("without a limit", true)
		opens("without a limit", true)
		p.stat("listener.127.0.0.1_"+fmt.Sprint(port)+".downstream_cx_overflow", "3")
	})
}

// Routes follow the fraction that the runtime says.
func TestXDSRuntimeChangesAFraction(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		a, b := namedBackend(t, "a"), namedBackend(t, "b")
		plane, port := startPlane(t, controlplane.Options{}), freePort(t)
		put(t, plane, runtimeLayer("one", "share: 100"), runtimeLayer("two", ""))
		routes := `route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [` +
			`{match: {prefix: /, runtime_fraction: {runtime_key: share, default_value: {numerator: 100}}}, route: {cluster: a}}, {match: {prefix: /}, route: {cluster: b}}]}]}`
		p := startDynamic(t, plane, dynamicProxy{way: w, kinds: " ", top: w.runtimeLayers("one", "two"),
			listeners: []string{"{" + listening("web", port, hcm(routes)) + "}"},
			clusters:  []string{staticCluster("a", "", a.address), staticCluster("b", "", b.address)}})
		p.answers(port, "/", 200, "a")
		put(t, plane, runtimeLayer("two", "share: {numerator: 0, denominator: TEN_THOUSAND}"))
		p.answers(port, "/", 200, "b")
		put(t, plane, runtimeLayer("one", "share: 50")) // the later layer wins
		eventually(t, func() string {
			if shown := adminAsk(t, http.DefaultClient, http.MethodGet, url(p.admin, "/runtime")); !strings.Contains(shown.body, `"50"`) {
				return shown.body
			}
			return ""
		})
		for range 20 {
			p.answers(port, "/", 200, "b")
		}
		put(t, plane, runtimeLayer("two", ""), runtimeLayer("one", ""))
		p.answers(port, "/", 200, "a")
		p.stat("runtime.num_layers", "3")
	})
}
