package integration

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/moeproxy/moe/tests/integration/controlplane"
)

// Endpoints that come get requests, those that go do not, and no request notices.
func TestXDSEndpointsChangeUnderLoad(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		a, b := namedBackend(t, "a"), namedBackend(t, "b")
		plane, port := startPlane(t, controlplane.Options{}), freePort(t)
		put(t, plane, w.edsCluster("site", ""), endpoints("site", a.address))
		p := startDynamic(t, plane, dynamicProxy{way: w, kinds: "cds", listeners: []string{anyCluster(port, "site")}}, port)
		p.answers(port, "/", 200, "a")
		load := startLoad(t, port)
		load.some(20)
		put(t, plane, endpoints("site", a.address, b.address))
		becomesTrue(t, func() string { return "no request for b\n" + p.output.String() }, func() bool { return b.requests.Load() > 20 })
		p.stat("cluster.site.membership_total", "2")
		put(t, plane, endpoints("site", b.address))
		p.stat("cluster.site.membership_total", "1")
		load.some(20) // what has begun
		before := a.requests.Load()
		load.some(100)
		expect(t, "requests for what is gone", a.requests.Load()-before, 0)
		load.stop()
		p.stat("cluster.site.update_success", "3")
		p.stat("cluster.site.update_rejected", "0")
	})
}

// Clusters come, change and go; the others, and their connections, stay.
func TestXDSClustersComeChangeAndGo(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		a, b, c := namedBackend(t, "a"), namedBackend(t, "b"), namedBackend(t, "c")
		plane, port := startPlane(t, controlplane.Options{}), freePort(t)
		put(t, plane, w.edsCluster("site", ""), endpoints("site", a.address))
		p := startDynamic(t, plane, dynamicProxy{way: w, kinds: "cds", listeners: []string{anyCluster(port, "site", "more")}}, port)
		load := startLoad(t, port)
		p.answers(port, "/more", 503, "")
		put(t, plane, w.edsCluster("more", ""), endpoints("more", b.address))
		p.answers(port, "/more", 200, "b")
		put(t, plane, plainCluster("more", "", c.address))
		p.answers(port, "/more", 200, "c")
		put(t, plane, w.edsCluster("site", "circuit_breakers: {thresholds: [{max_connections: 77}]}, "))
		p.stat("cluster_manager.cluster_modified", "2")
		load.some(50)
		remove(t, plane, controlplane.Cluster, "more")
		p.answers(port, "/more", 503, "")
		load.stop()
		p.stat("cluster_manager.cluster_removed", "1")
		p.stat("cluster_manager.active_clusters", "2") // with xds_cluster
	})
}

func TestXDSRoutesSwitch(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		a, b := namedBackend(t, "a"), namedBackend(t, "b")
		plane, port := startPlane(t, controlplane.Options{}), freePort(t)
		put(t, plane, routeTable("table", "a"))
		p := startDynamic(t, plane, dynamicProxy{way: w, kinds: " ", listeners: []string{"{" + listening("web", port, hcm(w.rds("table"))) + "}"},
			clusters: []string{staticCluster("a", "", a.address), staticCluster("b", "", b.address)}}, port)
		p.answers(port, "/", 200, "a")
		load := startLoad(t, port)
		for i, name := range []string{"b", "a", "b"} {
			put(t, plane, routeTable("table", name))
			p.answers(port, "/", 200, name)
			p.stat("http.web.rds.table.update_success", fmt.Sprint(i+2))
		}
		p.stat("http.web.rds.table.config_reload", "4")
		load.stop()
	})
}

func TestXDSListenersComeChangeAndGo(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		a, b := namedBackend(t, "a"), namedBackend(t, "b")
		plane, port, second := startPlane(t, controlplane.Options{}), freePort(t), freePort(t)
		put(t, plane, plainCluster("a", "", a.address), plainCluster("b", "", b.address),
			routeTable("table", "a"), listener("first", port, hcm(w.rds("table"))))
		p := startDynamic(t, plane, dynamicProxy{way: w}, port)
		p.answers(port, "/", 200, "a")
		load := startLoad(t, port)
		put(t, plane, listener("second", second, hcm("route_config: {"+virtualHosts("b")+"}")))
		p.answers(second, "/", 200, "b")
		put(t, plane, listener("second", second, hcm("route_config: {"+virtualHosts("a")+"}")))
		p.answers(second, "/", 200, "a")
		remove(t, plane, controlplane.Listener, "second")
		becomesTrue(t, func() string { return "it still accepts" }, func() bool {
			_, err := (&http.Client{Transport: &http.Transport{}, Timeout: deadline}).Get(url(second, "/"))
			return err != nil && strings.Contains(err.Error(), "refused")
		})
		load.stop()
		p.stat("listener_manager.listener_added", "2")
		p.stat("listener_manager.listener_modified", "1")
		p.stat("listener_manager.listener_removed", "1")
		p.stat("listener_manager.total_listeners_active", "1")
	})
}

// Everything on one port changes: connections that are open go on under the old listener or are told to close, and
// no request fails.
func TestXDSAListenerChangesUnderLoad(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		a, b := namedBackend(t, "a"), namedBackend(t, "b")
		plane, port := startPlane(t, controlplane.Options{}), freePort(t)
		first := listener("first", port, hcm("route_config: {"+virtualHosts("a")+"}"))
		put(t, plane, plainCluster("a", "", a.address), plainCluster("b", "", b.address), first)
		p := startDynamic(t, plane, dynamicProxy{way: w}, port)
		load := startLoad(t, port)
		for range 3 {
			put(t, plane, listener("first", port, hcm("route_config: {"+virtualHosts("b")+"}")))
			p.answers(port, "/", 200, "b")
			put(t, plane, first)
			p.answers(port, "/", 200, "a")
			load.some(20)
		}
		load.stop()
	})
}

// Secrets change: those who connect after it see the new certificate; nobody is disturbed.
func TestXDSSecretsChange(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		ca := newAuthority(t, "root")
		a := namedBackend(t, "a")
		plane, port := startPlane(t, controlplane.Options{}), freePort(t)
		secret := func(of *identity) string {
			return typed("envoy.extensions.transport_sockets.tls.v3.Secret",
				fmt.Sprintf("name: server, tls_certificate: {certificate_chain: {filename: %q}, private_key: {filename: %q}}", of.chain, of.key))
		}
		put(t, plane, plainCluster("a", "", a.address), secret(ca.issue("one")))
		socket := downstreamSocket(fmt.Sprintf("{tls_certificate_sds_secret_configs: [{name: server, sds_config: %s}]}", w.source()), "")
		text := listener("first", port, hcm("route_config: {"+virtualHosts("a")+"}"))
		put(t, plane, strings.Replace(text, "filter_chains: [{", "filter_chains: [{"+socket+", ", 1))
		startDynamic(t, plane, dynamicProxy{way: w}, port)
		expectCertificate(t, ca, port, "one")
		put(t, plane, secret(ca.issue("two")))
		eventually(t, func() string { return certificateIs(ca, port, "two") })
	})
}

// Four versions of one set: control planes are asked as the protocol says.
func TestXDSSaysWhatItHas(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		a := namedBackend(t, "a")
		plane, port := startPlane(t, controlplane.Options{Identifier: "the one"}), freePort(t)
		put(t, plane, w.edsCluster("site", ""), endpoints("site", a.address), routeTable("table", "site"), listener("first", port, hcm(w.rds("table"))))
		p := startDynamic(t, plane, dynamicProxy{way: w}, port)
		p.answers(port, "/", 200, "a")
		for _, typeURL := range []string{controlplane.Cluster, controlplane.Endpoints, controlplane.Route, controlplane.Listener} {
			p.acked(typeURL)
			requests := plane.RequestsOf(typeURL)
			first := requests[0]
			expect(t, typeURL+": first", first.First(), true)
			expect(t, typeURL+": version before any", first.Version, "")
			expect(t, typeURL+": initial versions", len(first.Initial), 0)
			if named := map[string]string{controlplane.Endpoints: "[site]", controlplane.Route: "[table]"}[typeURL]; named != "" {
				expect(t, typeURL+": names", first.Names, named)
			} else if names := fmt.Sprint(first.Names); names != "[]" && names != "[*]" {
				t.Errorf("%s: a wildcard is asked for by %s", typeURL, names)
			}
		}
		// The node comes with the first message of each stream, and not with others.
		seen := map[int]bool{}
		for _, request := range plane.Requests() {
			expect(t, "node with "+request.String(), request.Node != nil, !seen[request.Stream])
			seen[request.Stream] = true
			if request.Node != nil {
				expect(t, "node", request.Node.Id+" "+request.Node.Cluster, "test-id test-cluster")
				if request.Node.UserAgentName == "" {
					t.Errorf("no user_agent_name in %v", request.Node)
				}
			}
		}
		expect(t, "streams", len(seen), w.streamsOf(4))
	})
}

func TestXDSTheNodeMayComeWithEveryMessage(t *testing.T) {
	t.Parallel()
	twoPrograms(t, func(t *testing.T, program string) {
		w := way{ads: true, program: program}
		plane := startPlane(t, controlplane.Options{})
		put(t, plane, plainCluster("a", "", "127.0.0.1:1"))
		p := startDynamic(t, plane, dynamicProxy{way: w, apiConfig: strings.Replace(w.apiConfig(), ", set_node_on_first_message_only: true", "", 1)})
		p.acked(controlplane.Cluster)
		for _, request := range plane.Requests() {
			expect(t, request.String(), request.Node.GetId(), "test-id")
		}
	})
}
