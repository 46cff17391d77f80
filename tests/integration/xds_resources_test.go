package integration

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moeproxy/moe/tests/integration/controlplane"
	"google.golang.org/protobuf/proto"
)

// resources reads YAML in flow style.
func resources(t *testing.T, texts ...string) []proto.Message {
	t.Helper()
	all, err := controlplane.Parse("- " + strings.Join(texts, "\n- ") + "\n")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func put(t *testing.T, plane *controlplane.Server, texts ...string) {
	t.Helper()
	if err := plane.Put(resources(t, texts...)...); err != nil {
		t.Fatal(err)
	}
}

// remove takes resources of a type away.
func remove(t *testing.T, plane *controlplane.Server, typeURL string, names ...string) {
	t.Helper()
	if err := plane.Remove(typeURL, names...); err != nil {
		t.Fatal(err)
	}
}

func typed(message, fields string) string {
	return fmt.Sprintf(`{"@type": type.googleapis.com/%s, %s}`, message, fields)
}

// edsCluster gets its endpoints from the same control plane; more is further fields.
func (w way) edsCluster(name, more string, source ...string) string {
	return typed("envoy.config.cluster.v3.Cluster", fmt.Sprintf("name: %s, type: EDS, connect_timeout: 5s, %seds_cluster_config: {eds_config: %s}",
		name, more, w.source(source...)))
}

// plainCluster has its endpoints with it.
func plainCluster(name, more string, addresses ...string) string {
	fields := staticCluster(name, more, addresses...)
	return typed("envoy.config.cluster.v3.Cluster", fields[1:len(fields)-1])
}

func endpoints(cluster string, addresses ...string) string {
	var all []string
	for _, address := range addresses {
		host, port, _ := net.SplitHostPort(address)
		all = append(all, fmt.Sprintf("{endpoint: {address: {socket_address: {address: %s, port_value: %s}}}}", host, port))
	}
	return typed("envoy.config.endpoint.v3.ClusterLoadAssignment", fmt.Sprintf("cluster_name: %s, endpoints: [{lb_endpoints: [%s]}]", cluster, strings.Join(all, ", ")))
}

// virtualHosts sends "/x" to a cluster "x" for each name but the first, which gets the rest.
func virtualHosts(clusters ...string) string {
	var routes []string
	for _, cluster := range clusters[1:] {
		routes = append(routes, fmt.Sprintf("{match: {prefix: /%s}, route: {cluster: %s}}", cluster, cluster))
	}
	routes = append(routes, fmt.Sprintf("{match: {prefix: /}, route: {cluster: %s}}", clusters[0]))
	return fmt.Sprintf(`virtual_hosts: [{name: all, domains: ["*"], routes: [%s]}]`, strings.Join(routes, ", "))
}

func routeTable(name string, clusters ...string) string {
	return typed("envoy.config.route.v3.RouteConfiguration", fmt.Sprintf("name: %s, %s", name, virtualHosts(clusters...)))
}

// hcm is an HttpConnectionManager; routes is its field.
func hcm(routes string) string {
	return `{"@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: web, ` +
		`http_filters: [{name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}], ` + routes + `}`
}

// listening is a listener's fields.
func listening(name string, port int, manager string) string {
	return fmt.Sprintf("name: %s, address: {socket_address: {address: 127.0.0.1, port_value: %d}}, filter_chains: [{filters: [{name: hcm, typed_config: %s}]}]",
		name, port, manager)
}

// anyCluster is a static listener whose routes name clusters that need not be there.
func anyCluster(port int, clusters ...string) string {
	return "{" + listening("web", port, hcm("route_config: {name: inline, validate_clusters: false, "+virtualHosts(clusters...)+"}")) + "}"
}

func (w way) rds(table string) string {
	return fmt.Sprintf("rds: {route_config_name: %s, config_source: %s}", table, w.source())
}

func listener(name string, port int, manager string) string {
	return typed("envoy.config.listener.v3.Listener", listening(name, port, manager))
}

// moveTo puts a file in its place at once, as control planes on disk do.
func moveTo(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// xdsFile is what a path_config_source names.
func xdsFile(version string, texts ...string) string {
	return fmt.Sprintf("version_info: %q\nresources:\n- %s\n", version, strings.Join(texts, "\n- "))
}

func fileSource(path string) string {
	return fmt.Sprintf("{resource_api_version: V3, path_config_source: {path: %q, watched_directory: {path: %q}}}", path, filepath.Dir(path))
}
