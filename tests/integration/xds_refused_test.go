package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/moeproxy/moe/tests/integration/controlplane"
)

// What is wrong is refused by name and field, what is beside it is taken, and traffic goes on.
func TestXDSRefusesByResourceAndField(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		a, b := namedBackend(t, "a"), namedBackend(t, "b")
		plane, port, second := startPlane(t, controlplane.Options{}), freePort(t), freePort(t)
		put(t, plane, w.edsCluster("site", ""), endpoints("site", a.address), plainCluster("more", "", b.address),
			routeTable("table", "site", "more"))
		p := startDynamic(t, plane, dynamicProxy{way: w, listeners: []string{"{" + listening("first", port, hcm(w.rds("table"))) + "}"}}, port)
		p.answers(port, "/", 200, "a")
		load := startLoad(t, port)
		for _, c := range []struct {
			typeURL, name, field string
			bad, good            string
			stat                 string
		}{
			{controlplane.Cluster, "bad", "lb_policy", plainCluster("bad", "lb_policy: CLUSTER_PROVIDED, ", "127.0.0.1:1"),
				plainCluster("good", "", b.address), "cluster_manager.cds.update_rejected"},
			{controlplane.Endpoints, "site", "load_balancing_weight",
				strings.Replace(endpoints("site", a.address), "{endpoint:", "{load_balancing_weight: 0, endpoint:", 1), "", "cluster.site.update_rejected"},
			{controlplane.Route, "table", "prefix_rewrite",
				typed("envoy.config.route.v3.RouteConfiguration", `name: table, virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, `+
					`route: {cluster: site, prefix_rewrite: "/x", regex_rewrite: {pattern: {regex: "("}, substitution: ""}}}]}]`),
				"", "http.web.rds.table.update_rejected"},
			{controlplane.Listener, "second", "stat_prefix",
				strings.Replace(listener("second", second, hcm("route_config: {"+virtualHosts("site")+"}")), "stat_prefix: web", `stat_prefix: ""`, 1),
				"", "listener_manager.lds.update_rejected"},
		} {
			before := plane.Version(c.typeURL)
			texts := []string{c.bad}
			if c.good != "" {
				texts = append(texts, c.good)
			}
			put(t, plane, texts...)
			nack := p.await(func(r controlplane.Request) bool { return r.Type == c.typeURL && r.IsNACK() })
			for _, want := range []string{c.name, c.field} {
				if w.program == binary(t) && !strings.Contains(nack.Error, want) {
					t.Errorf("%s is not in %q", want, nack.Error)
				}
			}
			if nack.Nonce == "" {
				t.Errorf("no nonce in %v", nack)
			}
			if !w.delta {
				expect(t, "version of a NACK", nack.Version, before)
			}
			if found := counterOf(t, p.admin, c.stat); found != "1" {
				t.Errorf("%s: found %q, expected 1", c.stat, found)
			}
			load.some(20)
			p.answers(port, "/", 200, "a")
		}
		// The good one came with the bad one, and is there.
		put(t, plane, routeTable("table", "site", "good"))
		p.answers(port, "/good", 200, "b")
		load.stop()
	})
}

// What a control plane takes back is no longer wrong.
func TestXDSARefusedResourceIsReplaced(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		a := namedBackend(t, "a")
		plane, port := startPlane(t, controlplane.Options{}), freePort(t)
		put(t, plane, plainCluster("site", "lb_policy: CLUSTER_PROVIDED, ", a.address))
		p := startDynamic(t, plane, dynamicProxy{way: w, kinds: "cds", listeners: []string{anyCluster(port, "site")}}, port)
		p.await(controlplane.Request.IsNACK)
		p.answers(port, "/", 503, "")
		put(t, plane, plainCluster("site", "", a.address))
		p.answers(port, "/", 200, "a")
		p.stat("cluster_manager.cds.update_success", "1")
		p.stat("cluster_manager.cds.update_rejected", "1")
	})
}

// /config_dump tells what is active, what waits, and what was refused, with the reason.
func TestXDSDumpsEveryState(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		a := namedBackend(t, "a")
		plane, port, second := startPlane(t, controlplane.Options{}), freePort(t), freePort(t)
		put(t, plane, plainCluster("site", "", a.address), routeTable("table", "site"), listener("first", port, hcm(w.rds("table"))))
		p := startDynamic(t, plane, dynamicProxy{way: w, clusters: []string{staticCluster("fixed", "", a.address)}}, port)
		p.answers(port, "/", 200, "a")
		put(t, plane, plainCluster("bad", "lb_policy: CLUSTER_PROVIDED, ", "127.0.0.1:1"),
			strings.Replace(listener("first", port, hcm(w.rds("table"))), "stat_prefix: web", `stat_prefix: ""`, 1))
		p.await(func(r controlplane.Request) bool { return r.Type == controlplane.Cluster && r.IsNACK() })
		p.await(func(r controlplane.Request) bool { return r.Type == controlplane.Listener && r.IsNACK() })
		refused := p.dump("ListenersConfigDump", "dynamic_listeners")["first"]
		if reason := fmt.Sprint(refused["error_state"]); !strings.Contains(strings.ToLower(strings.ReplaceAll(reason, "_", "")), "statprefix") {
			t.Errorf("the error of a listener is %s", reason)
		}
		// Envoy answers nothing about clusters while one waits, on ADS: this comes last.
		put(t, plane, w.edsCluster("late", "", "initial_fetch_timeout: 0s, "),
			listener("waits", second, hcm(strings.Replace(w.rds("nowhere"), "config_source: {", "config_source: {initial_fetch_timeout: 0s, ", 1))))
		p.stat("cluster_manager.warming_clusters", "1")
		p.stat("listener_manager.total_listeners_warming", "1")

		clusters := func(list string) map[string]map[string]any { return p.dump("ClustersConfigDump", list) }
		if static := clusters("static_clusters"); static["fixed"] == nil || static["xds_cluster"] == nil {
			t.Errorf("static clusters: %v", static)
		}
		active := clusters("dynamic_active_clusters")
		if active["site"] == nil {
			t.Errorf("active clusters: %v", active)
		}
		if warming := clusters("dynamic_warming_clusters"); warming["late"] == nil {
			t.Errorf("warming clusters: %v", warming)
		}
		if !w.delta {
			expect(t, "version_info of a cluster", active["site"]["version_info"], "1")
		}
		if active["site"]["last_updated"] == nil {
			t.Errorf("no last_updated in %v", active["site"])
		}
		listeners := p.dump("ListenersConfigDump", "dynamic_listeners")
		if listeners["first"]["active_state"] == nil || listeners["waits"]["warming_state"] == nil || listeners["waits"]["active_state"] != nil {
			t.Errorf("listeners: %v", listeners)
		}
		if tables := p.dump("RoutesConfigDump", "dynamic_route_configs"); tables["table"] == nil {
			t.Errorf("route tables: %v", tables)
		}
		p.answers(port, "/", 200, "a")
	})
}
