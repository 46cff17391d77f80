package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/moeproxy/moe/tests/integration/controlplane"
)

// way is one of the four ways of xDS over gRPC, and the program that goes it.
type way struct {
	ads, delta bool
	program    string
}

func (w way) String() string {
	return map[bool]string{true: "ads", false: "xds"}[w.ads] + "-" + map[bool]string{true: "delta", false: "sotw"}[w.delta]
}

// everyWay runs a test with moe and, if MOE_ENVOY names one, with Envoy: what is expected here is what Envoy does.
func everyWay(t *testing.T, test func(t *testing.T, w way)) {
	t.Parallel()
	twoPrograms(t, func(t *testing.T, program string) {
		for _, w := range []way{{true, false, program}, {true, true, program}, {false, false, program}, {false, true, program}} {
			t.Run(w.String(), func(t *testing.T) {
				t.Parallel()
				test(t, w)
			})
		}
	})
}

const xdsGRPC = "grpc_services: [{envoy_grpc: {cluster_name: xds_cluster}}], set_node_on_first_message_only: true"

func (w way) apiConfig() string {
	return fmt.Sprintf("{api_type: %s, transport_api_version: V3, %s}", map[bool]string{true: "DELTA_GRPC", false: "GRPC"}[w.delta], xdsGRPC)
}

// source is a ConfigSource; more is further fields, each with a comma behind.
func (w way) source(more ...string) string {
	fields := strings.Join(more, "")
	if w.ads {
		return fmt.Sprintf("{%sresource_api_version: V3, ads: {}}", fields)
	}
	return fmt.Sprintf("{%sresource_api_version: V3, api_config_source: %s}", fields, w.apiConfig())
}

// streamsOf is the number of streams for so many types.
func (w way) streamsOf(types int) int {
	if w.ads {
		return 1
	}
	return types
}

// dynamicProxy says what a bootstrap has, beside its control plane.
type dynamicProxy struct {
	way       way
	address   string // of the control plane; "" with plane
	socket    string // transport socket of xds_cluster, as upstreamSocket() makes it
	kinds     string // "cds", "lds", "cds lds"
	top       string // further fields of the bootstrap, as lines
	more      string // for the ConfigSource of each kind
	listeners []string
	clusters  []string
	apiConfig string // instead of the way's
}

// bootstrap is YAML. The control plane's address is that of a port, or a path.
func (d dynamicProxy) bootstrap(admin int) string {
	var out strings.Builder
	apiConfig := d.way.apiConfig()
	source := d.way.source(d.more)
	if d.apiConfig != "" {
		source = strings.Replace(source, apiConfig, d.apiConfig, 1)
		apiConfig = d.apiConfig
	}
	out.WriteString("node: {id: test-id, cluster: test-cluster}\ndynamic_resources:\n")
	if d.way.ads {
		fmt.Fprintf(&out, "  ads_config: %s\n", apiConfig)
	}
	for kind := range strings.FieldsSeq(d.kinds) {
		fmt.Fprintf(&out, "  %s_config: %s\n", kind, source)
	}
	out.WriteString(d.top + "\nstatic_resources:\n  listeners:\n")
	for _, listener := range d.listeners {
		fmt.Fprintf(&out, "  - %s\n", listener)
	}
	address := fmt.Sprintf("pipe: {path: %q}", d.address)
	if host, port, err := net.SplitHostPort(d.address); err == nil {
		address = fmt.Sprintf("socket_address: {address: %s, port_value: %s}", host, port)
	}
	fmt.Fprintf(&out, "  clusters:\n  - {name: xds_cluster, type: STATIC, connect_timeout: 5s, %s%sload_assignment: {cluster_name: xds_cluster, "+
		"endpoints: [{lb_endpoints: [{endpoint: {address: {%s}}}]}]}}\n", d.socket, strings.Replace(http2Upstream, "allow_connect: true", "", 1), address)
	for _, cluster := range d.clusters {
		fmt.Fprintf(&out, "  - %s\n", cluster)
	}
	return withAdmin(admin, out.String())
}

// proxied is a running proxy with its control plane.
type proxied struct {
	*moe
	t     *testing.T
	way   way
	plane *controlplane.Server
	admin int
}

func startPlane(t *testing.T, options controlplane.Options) *controlplane.Server {
	t.Helper()
	plane, err := controlplane.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(plane.Close)
	return plane
}

// startDynamic waits for the ports, the admin interface's among them.
func startDynamic(t *testing.T, plane *controlplane.Server, d dynamicProxy, ports ...int) *proxied {
	t.Helper()
	admin := freePort(t)
	if d.address == "" {
		d.address = plane.Addr().String()
	}
	if d.kinds == "" {
		d.kinds = "cds lds"
	}
	m := startProgram(t, d.way.program, dynamicArguments, d.bootstrap(admin), append(ports, admin)...)
	return &proxied{m, t, d.way, plane, admin}
}

var dynamicArguments = []string{"--concurrency", "2", "-l", "info", "--disable-hot-restart"}

// answers waits until a path is answered so.
func (p *proxied) answers(port int, path string, status int, body string) {
	p.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: deadline}
	eventually(p.t, func() string {
		response, err := client.Get(url(port, path))
		if err != nil {
			return err.Error()
		}
		defer response.Body.Close()
		found, _ := io.ReadAll(response.Body)
		if response.StatusCode != status || (body != "" && string(found) != body) {
			return fmt.Sprintf("%s: found %d %q, expected %d %q; the control plane saw\n%s%s", path, response.StatusCode, found, status, body, p.plane.Dump(), p.output)
		}
		return ""
	})
}

// stat waits until a statistic has a value.
func (p *proxied) stat(name, value string) {
	p.t.Helper()
	eventually(p.t, func() string {
		if found := counterOf(p.t, p.admin, name); found != value {
			return fmt.Sprintf("%s: found %q, expected %q; the control plane saw\n%s%s", name, found, value, p.plane.Dump(), p.output)
		}
		return ""
	})
}

// await waits for a request at the control plane.
func (p *proxied) await(is func(controlplane.Request) bool) controlplane.Request {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	request, err := p.plane.Await(ctx, is)
	if err != nil {
		p.t.Fatalf("%v\n%s", err, p.output)
	}
	return request
}

// acked waits for the answer to the latest version of a type.
func (p *proxied) acked(typeURL string) {
	p.t.Helper()
	version := p.plane.Version(typeURL)
	p.await(func(r controlplane.Request) bool {
		if r.Delta {
			return r.Type == typeURL && r.Nonce != "" && !r.IsNACK()
		}
		return r.Type == typeURL && r.Version == version && !r.IsNACK()
	})
}

// dump is one section of /config_dump: the objects of a list, by the name in their resource.
func (p *proxied) dump(section, list string) map[string]map[string]any {
	p.t.Helper()
	answer := adminAsk(p.t, http.DefaultClient, http.MethodGet, url(p.admin, "/config_dump?include_eds"))
	var dump struct {
		Configs []map[string]any `json:"configs"`
	}
	if err := json.Unmarshal([]byte(answer.body), &dump); err != nil {
		p.t.Fatal(err)
	}
	out := map[string]map[string]any{}
	for _, config := range dump.Configs {
		if !strings.HasSuffix(fmt.Sprint(config["@type"]), "."+section) {
			continue
		}
		items, _ := config[list].([]any)
		for _, item := range items {
			of := item.(map[string]any)
			name := nameIn(of)
			if out[name] == nil {
				out[name] = map[string]any{}
			}
			for key, value := range of { // what was refused may be an entry of its own
				out[name][key] = value
			}
		}
	}
	return out
}

// nameIn is a name, or that of the resource within.
func nameIn(of map[string]any) string {
	for _, key := range []string{"name", "cluster_name"} {
		if name, ok := of[key].(string); ok {
			return name
		}
	}
	for _, key := range []string{"cluster", "listener", "route_config", "endpoint_config", "ecds_filter", "error_state", "failed_configuration"} {
		if inner, ok := of[key].(map[string]any); ok {
			if name := nameIn(inner); name != "" {
				return name
			}
		}
	}
	return ""
}

// within bounds what a test waits for at a control plane.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	return ctx
}

// quickly is a time for things that must end by themselves.
const quickly = 300 * time.Millisecond
