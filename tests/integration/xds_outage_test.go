package integration

import (
	"crypto/tls"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/moeproxy/moe/tests/integration/controlplane"
	"google.golang.org/grpc/codes"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

// simple is a proxy whose one cluster and its endpoints come from a control plane.
func simple(t *testing.T, w way, options controlplane.Options, change ...func(*dynamicProxy)) (*proxied, int, *named) {
	t.Helper()
	a := namedBackend(t, "a")
	plane, port := startPlane(t, options), freePort(t)
	put(t, plane, w.edsCluster("site", ""), endpoints("site", a.address))
	d := dynamicProxy{way: w, kinds: "cds", listeners: []string{anyCluster(port, "site", "more")}}
	for _, f := range change {
		f(&d)
	}
	p := startDynamic(t, plane, d, port)
	p.answers(port, "/", 200, "a")
	p.acked(controlplane.Cluster)
	p.acked(controlplane.Endpoints)
	return p, port, a
}

// Without a control plane traffic goes on. After it is back, it is told what is there, and sends what is new only.
func TestXDSOutlivesTheControlPlane(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		p, port, _ := simple(t, w, controlplane.Options{})
		b := namedBackend(t, "b")
		load := startLoad(t, port)
		p.stat(p.planeScope()+"connected_state", "1")
		p.plane.Kill()
		p.stat(p.planeScope()+"connected_state", "0")
		load.some(100)
		p.plane.Forget()
		put(t, p.plane, plainCluster("more", "", b.address))
		if err := p.plane.Restart(); err != nil {
			t.Fatal(err)
		}
		p.answers(port, "/more", 200, "b")
		for _, typeURL := range []string{controlplane.Cluster, controlplane.Endpoints} {
			again := p.await(func(r controlplane.Request) bool { return r.Type == typeURL })
			expect(t, "nonce after reconnecting", again.Nonce, "")
			if w.delta {
				if again.Initial["site"] == "" {
					t.Errorf("no version of site in %v", again)
				}
			} else {
				expect(t, "version after reconnecting", again.Version, "1")
			}
			if typeURL == controlplane.Endpoints {
				expect(t, "names after reconnecting", again.Names, "[site]")
			}
		}
		p.stat(p.planeScope()+"connected_state", "1")
		p.stat("cluster.site.update_rejected", "0")
		p.stat("cluster_manager.cluster_modified", "0")
		load.stop()
	})
}

// planeScope is where control_plane.* is counted.
func (p *proxied) planeScope() string {
	if p.way.ads {
		return "control_plane."
	}
	return "cluster_manager.cds.control_plane."
}

// A control plane that hangs up is asked again and again, but not in a hurry, and not in step.
func TestXDSBacksOff(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		p, port, _ := simple(t, w, controlplane.Options{})
		load := startLoad(t, port)
		p.plane.Forget()
		p.plane.Refuse(grpcstatus.Error(codes.Unavailable, "not now"))
		p.plane.Drop()
		begin := time.Now()
		before := len(p.plane.Streams())
		eventually(t, func() string {
			if n := len(p.plane.Streams()); n < before+5*p.way.streamsOf(2) {
				return fmt.Sprintf("only %d streams", n-before)
			}
			return ""
		})
		// Up to 0.5 s, 1 s, 2 s, 4 s: 5 streams take longer than a loop without waiting would.
		streams := p.plane.Streams()[before:]
		took := time.Since(begin)
		if took < 50*time.Millisecond {
			t.Errorf("%d streams in %v", len(streams), took)
		}
		gaps := map[time.Duration]bool{}
		for i := 1; i < len(streams); i++ {
			gaps[streams[i].Opened.Sub(streams[i-1].Opened).Round(10*time.Millisecond)] = true
		}
		if len(gaps) < 3 {
			t.Errorf("the times between streams are %v", gaps)
		}
		p.plane.Refuse(nil)
		b := namedBackend(t, "b")
		put(t, p.plane, endpoints("site", b.address))
		load.stop()
	})
}

// What a control plane says that is not xDS is as good as nothing.
func TestXDSSurvivesGarbage(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		p, port, _ := simple(t, w, controlplane.Options{})
		b := namedBackend(t, "b")
		load := startLoad(t, port)
		serveAgain := func() {
			before := len(p.plane.Streams())
			p.plane.Behave(controlplane.Serve)
			becomesTrue(t, func() string { return "no stream" }, func() bool { return len(p.plane.Streams()) > before })
		}
		for _, manner := range []controlplane.Manner{controlplane.Noise, controlplane.HangUp, controlplane.Silent} {
			p.plane.Forget()
			p.plane.Behave(manner)
			if _, err := p.plane.AwaitConnections(within(t), 1); err != nil {
				t.Error(err)
			}
			load.some(50)
			serveAgain()
		}
		// Responses that are no messages; then an Any that does not hold what it says.
		p.plane.Rewrite(func(proto.Message) any { return controlplane.Raw("\xff\xfe\x00garbage") })
		before := len(p.plane.Responses())
		put(t, p.plane, plainCluster("more", "", b.address))
		becomesTrue(t, func() string { return "no response" }, func() bool { return len(p.plane.Responses()) > before })
		load.some(50)
		p.plane.Rewrite(func(m proto.Message) any {
			switch response := m.(type) {
			case *discovery.DiscoveryResponse:
				for _, resource := range response.Resources {
					resource.Value = []byte("\x0a\xff\xff\xff")
				}
			case *discovery.DeltaDiscoveryResponse:
				for _, resource := range response.Resources {
					resource.Resource.Value = []byte("\x0a\xff\xff\xff")
				}
			}
			return m
		})
		p.plane.Drop()
		p.await(controlplane.Request.IsNACK)
		load.some(50)
		p.plane.Rewrite(nil)
		put(t, p.plane, plainCluster("more", "connect_timeout: 3s, ", b.address))
		p.answers(port, "/more", 200, "b")
		load.stop()
	})
}

// A slow control plane is waited for by what needs it, and by nothing else.
func TestXDSWaitsForASlowControlPlane(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		a := namedBackend(t, "a")
		plane, port := startPlane(t, controlplane.Options{}), freePort(t)
		plane.Slow(50 * time.Millisecond)
		put(t, plane, w.edsCluster("site", ""), endpoints("site", a.address), routeTable("table", "site"), listener("first", port, hcm(w.rds("table"))))
		p := startDynamic(t, plane, dynamicProxy{way: w}, port)
		// It did not accept before it could answer.
		response, body := fetch(t, url(port, "/"))
		expect(t, "the first answer", fmt.Sprint(response.StatusCode, " ", body), "200 a")
		p.acked(controlplane.Listener)
	})
}

// Without an answer for initial_fetch_timeout the proxy begins with what it has.
func TestXDSBeginsWithoutAnAnswer(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		a, b := namedBackend(t, "a"), namedBackend(t, "b")
		plane, port := startPlane(t, controlplane.Options{}), freePort(t)
		plane.Hold()
		put(t, plane, plainCluster("more", "", b.address))
		p := startDynamic(t, plane, dynamicProxy{way: w, more: "initial_fetch_timeout: 0.2s, ", clusters: []string{staticCluster("site", "", a.address)},
			listeners: []string{anyCluster(port, "site", "more")}}, port)
		p.answers(port, "/", 200, "a")
		p.stat("cluster_manager.cds.init_fetch_timeout", "1")
		p.stat("listener_manager.lds.init_fetch_timeout", "1")
		p.answers(port, "/more", 503, "")
		plane.Release()
		p.answers(port, "/more", 200, "b")
	})
}

// A cluster without endpoints waits, and holds nothing else up.
func TestXDSAClusterWaitsForItsEndpoints(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		p, port, _ := simple(t, w, controlplane.Options{})
		b := namedBackend(t, "b")
		load := startLoad(t, port)
		put(t, p.plane, w.edsCluster("more", "", "initial_fetch_timeout: 0s, "))
		p.stat("cluster_manager.warming_clusters", "1")
		p.answers(port, "/more", 503, "")
		put(t, p.plane, endpoints("site", b.address)) // something else goes on
		p.answers(port, "/", 200, "b")
		put(t, p.plane, endpoints("more", b.address))
		p.answers(port, "/more", 200, "b")
		p.stat("cluster_manager.warming_clusters", "0")
		// A change that waits leaves the old one in charge, until its time is over.
		service := strings.Replace(w.edsCluster("more", "", fmt.Sprintf("initial_fetch_timeout: %gs, ", (10*quickly).Seconds())), "eds_cluster_config: {", "eds_cluster_config: {service_name: nowhere, ", 1)
		put(t, p.plane, service)
		p.stat("cluster_manager.warming_clusters", "1")
		p.answers(port, "/more", 200, "b")
		p.stat("cluster.more.init_fetch_timeout", "1")
		p.answers(port, "/more", 503, "")
		p.stat("cluster_manager.warming_clusters", "0")
		load.stop()
	})
}

// A resource with a TTL is gone when nobody has said that it is still there.
func TestXDSForgetsAfterTheTTL(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		p, port, _ := simple(t, w, controlplane.Options{})
		b := namedBackend(t, "b")
		if w.delta { // go-control-plane has no TTL here
			p.plane.Rewrite(func(m proto.Message) any {
				for _, resource := range m.(*discovery.DeltaDiscoveryResponse).Resources {
					if resource.Name == "more" {
						resource.Ttl = durationpb.New(quickly)
					}
				}
				return m
			})
		}
		load := startLoad(t, port)
		if err := p.plane.PutFor(quickly, resources(t, plainCluster("more", "", b.address))...); err != nil {
			t.Fatal(err)
		}
		p.stat("cluster_manager.cluster_added", "3")
		p.stat("cluster_manager.cluster_removed", "1")
		p.answers(port, "/more", 503, "")
		load.stop()
	})
}

// Heartbeats have no resource in them: they are no change and no error, and put the end of a TTL off. (Of endpoints:
// what go-control-plane sends about clusters lists those with a TTL only, which removes the others.)
func TestXDSHeartbeatsPutTheEndOff(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		if w.delta || w.ads {
			t.Skip("go-control-plane has no TTL in incremental xDS, and loses heartbeats on ADS")
		}
		p, port, _ := simple(t, w, controlplane.Options{Heartbeat: quickly / 3})
		load := startLoad(t, port)
		b := namedBackend(t, "b")
		if err := p.plane.PutFor(3*quickly, resources(t, endpoints("site", b.address))...); err != nil {
			t.Fatal(err)
		}
		p.answers(port, "/", 200, "b")
		before := len(p.plane.Responses())
		eventually(t, func() string { // of which some come after the first TTL
			if n := len(p.plane.Responses()) - before; n < 12 {
				return fmt.Sprintf("only %d heartbeats", n)
			}
			return ""
		})
		p.answers(port, "/", 200, "b")
		expect(t, "rejected", counterOf(t, p.admin, "cluster.site.update_rejected"), "0")
		load.stop()
	})
}

func TestXDSStatistics(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		p, _, _ := simple(t, w, controlplane.Options{Identifier: "the one"})
		p.stat("cluster_manager.cds.update_success", "1")
		p.stat("cluster_manager.cds.update_rejected", "0")
		p.stat("cluster_manager.cds.update_failure", "0")
		p.stat("cluster_manager.cds.init_fetch_timeout", "0")
		p.stat("cluster_manager.cluster_added", "2")
		p.stat("cluster.site.update_success", "1")
		p.stat(p.planeScope()+"connected_state", "1")
		p.stat(p.planeScope()+"pending_requests", "0")
		p.stat(p.planeScope()+"rate_limit_enforced", "0")
		p.stat(p.planeScope()+"identifier", `"the one"`)
		if version := counterOf(t, p.admin, "cluster_manager.cds.version"); version == "0" || version == "" {
			t.Errorf("cluster_manager.cds.version is %q", version)
		}
		p.plane.Kill()
		becomesTrue(t, func() string { return "no failure is counted" },
			func() bool { return counterOf(t, p.admin, "cluster_manager.cds.update_failure") != "0" })
	})
}

// The control plane's address may be a path, and its connection TLS in both directions.
func TestXDSOverAUnixSocketAndMutualTLS(t *testing.T) {
	everyWay(t, func(t *testing.T, w way) {
		p, _, _ := simple(t, w, controlplane.Options{Network: "unix", Address: filepath.Join(t.TempDir(), "xds")})
		expect(t, "streams", len(p.plane.Streams()), w.streamsOf(2))

		ca := newAuthority(t, "root")
		server, client := ca.issue("plane"), ca.issue("proxy")
		p, _, _ = simple(t, w, controlplane.Options{TLS: &tls.Config{Certificates: []tls.Certificate{server.Certificate}, ClientCAs: ca.pool,
			ClientAuth: tls.RequireAndVerifyClientCert, NextProtos: []string{"h2"}}}, func(d *dynamicProxy) {
			d.socket = upstreamSocket(common(client, ca, "alpn_protocols: [h2]"), ", sni: localhost")
		})
		expect(t, "the proxy's certificate", p.plane.Streams()[0].Peer[0].Subject.CommonName, "proxy")
	})
}
