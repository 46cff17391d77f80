package integration

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/moeproxy/moe/tests/integration/controlplane"
)

// certificateIs connects anew; the complaint is empty if the certificate has this name.
func certificateIs(ca *authority, port int, name string) string {
	connection, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port), &tls.Config{RootCAs: ca.pool, ServerName: "localhost"})
	if err != nil {
		return err.Error()
	}
	defer connection.Close()
	var found *x509.Certificate = connection.ConnectionState().PeerCertificates[0]
	if found.Subject.CommonName != name {
		return fmt.Sprintf("the certificate is %s, not %s", found.Subject.CommonName, name)
	}
	return ""
}

func expectCertificate(t *testing.T, ca *authority, port int, name string) {
	t.Helper()
	eventually(t, func() string { return certificateIs(ca, port, name) })
}

// Every kind of resource may come from files that are moved into their place.
func TestXDSFilesAreReadAnew(t *testing.T) {
	t.Parallel()
	twoPrograms(t, func(t *testing.T, program string) {
		folder := t.TempDir()
		cds, eds, lds, rds := filepath.Join(folder, "cds.yaml"), filepath.Join(folder, "eds.yaml"), filepath.Join(folder, "lds.yaml"), filepath.Join(folder, "rds.yaml")
		a, b := namedBackend(t, "a"), namedBackend(t, "b")
		port, second, admin := freePort(t), freePort(t), freePort(t)
		cluster := func(name string) string {
			return typed("envoy.config.cluster.v3.Cluster", fmt.Sprintf("name: %s, type: EDS, eds_cluster_config: {service_name: hosts, eds_config: %s}", name, fileSource(eds)))
		}
		first := listener("first", port, hcm(fmt.Sprintf("rds: {route_config_name: table, config_source: %s}", fileSource(rds))))
		moveTo(t, cds, xdsFile("1", cluster("site")))
		moveTo(t, eds, xdsFile("1", endpoints("hosts", a.address)))
		moveTo(t, rds, xdsFile("1", routeTable("table", "site")))
		moveTo(t, lds, xdsFile("1", first))
		m := startProgram(t, program, dynamicArguments, withAdmin(admin, fmt.Sprintf("node: {id: test-id, cluster: test-cluster}\ndynamic_resources: {cds_config: %s, lds_config: %s}\n", fileSource(cds), fileSource(lds))), port, admin)
		p := &proxied{m, t, way{program: program}, startPlane(t, controlplane.Options{}), admin}
		p.answers(port, "/", 200, "a")
		load := startLoad(t, port)
		moveTo(t, eds, xdsFile("2", endpoints("hosts", b.address)))
		p.answers(port, "/", 200, "b")
		moveTo(t, cds, xdsFile("2", cluster("site"), cluster("more")))
		p.stat("cluster_manager.cluster_added", "2")
		moveTo(t, rds, xdsFile("2", routeTable("table", "site", "more")))
		p.answers(port, "/more", 200, "b")
		moveTo(t, lds, xdsFile("2", first, listener("second", second, hcm("route_config: {"+virtualHosts("site")+"}"))))
		p.answers(second, "/", 200, "b")
		// What is wrong changes nothing.
		for _, text := range []string{"resources: [", "", "version_info: 3\nresources:\n- {\"@type\": type.googleapis.com/envoy.config.cluster.v3.Cluster, nam: x}\n"} {
			moveTo(t, cds, text)
			load.some(20)
		}
		p.answers(port, "/more", 200, "b")
		becomesTrue(t, func() string { return "nothing was rejected" },
			func() bool {
				return counterOf(t, admin, "cluster_manager.cds.update_rejected")+counterOf(t, admin, "cluster_manager.cds.update_failure") != "00"
			})
		moveTo(t, cds, xdsFile("4", cluster("site")))
		p.stat("cluster_manager.cluster_removed", "1")
		load.stop()
	})
}
