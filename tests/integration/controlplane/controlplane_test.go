package controlplane

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	clusterservice "github.com/envoyproxy/go-control-plane/envoy/service/cluster/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

func started(t *testing.T, options Options) *Server {
	t.Helper()
	s, err := Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func contextOf(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func connect(t *testing.T, s *Server) *grpc.ClientConn {
	t.Helper()
	target := s.Addr().String()
	if s.Addr().Network() == "unix" {
		target = "unix:" + target
	}
	connection, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return connection
}

type sotw struct {
	t *testing.T
	discovery.AggregatedDiscoveryService_StreamAggregatedResourcesClient
}

func ads(t *testing.T, s *Server) sotw {
	t.Helper()
	stream, err := discovery.NewAggregatedDiscoveryServiceClient(connect(t, s)).StreamAggregatedResources(contextOf(t))
	if err != nil {
		t.Fatal(err)
	}
	return sotw{t, stream}
}

func (s sotw) say(request *discovery.DiscoveryRequest) {
	s.t.Helper()
	if err := s.Send(request); err != nil {
		s.t.Fatal(err)
	}
}

// next is a response's version and the names of the clusters in it.
func (s sotw) next() (*discovery.DiscoveryResponse, string) {
	s.t.Helper()
	response, err := s.Recv()
	if err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for _, packed := range response.Resources {
		message, err := packed.UnmarshalNew()
		if err != nil {
			s.t.Fatal(err)
		}
		names = append(names, message.(*clusterv3.Cluster).Name)
	}
	return response, strings.Join(names, " ")
}

func cluster(name string) *clusterv3.Cluster { return &clusterv3.Cluster{Name: name} }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, what string, found, expected any) {
	t.Helper()
	if fmt.Sprint(found) != fmt.Sprint(expected) {
		t.Errorf("%s: found %v, expected %v", what, found, expected)
	}
}

func TestServesChangesAndRecordsRequests(t *testing.T) {
	s := started(t, Options{Identifier: "me"})
	stream := ads(t, s)
	stream.say(&discovery.DiscoveryRequest{TypeUrl: Cluster, Node: &core.Node{Id: "n"}})
	must(t, s.Put(cluster("a")))
	response, names := stream.next()
	expect(t, "names", names, "a")
	expect(t, "identifier", response.ControlPlane.GetIdentifier(), "me")
	stream.say(&discovery.DiscoveryRequest{TypeUrl: Cluster, VersionInfo: response.VersionInfo, ResponseNonce: response.Nonce})
	must(t, s.Put(cluster("a"))) // no change
	must(t, s.Put(cluster("b")))
	second, _ := stream.next()
	expect(t, "clusters", len(second.Resources), 2)
	expect(t, "version", second.VersionInfo, s.Version(Cluster))
	stream.say(&discovery.DiscoveryRequest{TypeUrl: Cluster, VersionInfo: second.VersionInfo, ResponseNonce: second.Nonce})
	must(t, s.Remove(Cluster, "a"))
	_, names = stream.next()
	expect(t, "names", names, "b")

	ack, err := s.Await(contextOf(t), func(r Request) bool { return r.Nonce == response.Nonce })
	must(t, err)
	expect(t, "version", ack.Version, response.VersionInfo)
	expect(t, "node", ack.Node, (*core.Node)(nil)) // as it came, not as the cache has it
	first := s.RequestsOf(Cluster)[0]
	expect(t, "first", first.First(), true)
	expect(t, "node", first.Node.Id, "n")
	expect(t, "streams", len(s.Streams()), 1)
	expect(t, "connections", len(s.Connections()), 1)
}

func TestANACKIsNotAnsweredByTheSame(t *testing.T) {
	s := started(t, Options{})
	must(t, s.Put(cluster("bad")))
	stream := ads(t, s)
	stream.say(&discovery.DiscoveryRequest{TypeUrl: Cluster})
	response, _ := stream.next()
	stream.say(&discovery.DiscoveryRequest{TypeUrl: Cluster, ResponseNonce: response.Nonce, ErrorDetail: &status.Status{Code: 3, Message: "why"}})
	nack, err := s.Await(contextOf(t), Request.IsNACK)
	must(t, err)
	expect(t, "NACK", nack.Error, "why")
	expect(t, "version", nack.Version, "")
	must(t, s.Put(cluster("good")))
	next, _ := stream.next()
	expect(t, "version", next.VersionInfo, "2")
	expect(t, "responses", len(s.Responses()), 2)
}

func TestIncrementalClientsKeepWhatTheyHave(t *testing.T) {
	s := started(t, Options{})
	must(t, s.Put(cluster("a"), cluster("b")))
	versions := map[string]string{}
	for round := range 2 {
		stream, err := clusterservice.NewClusterDiscoveryServiceClient(connect(t, s)).DeltaClusters(contextOf(t))
		must(t, err)
		must(t, stream.Send(&discovery.DeltaDiscoveryRequest{InitialResourceVersions: versions}))
		response, err := stream.Recv()
		must(t, err)
		for _, resource := range response.Resources {
			versions[resource.Name] = resource.Version
		}
		expect(t, "resources", len(response.Resources), []int{2, 1}[round])
		expect(t, "type", s.Requests()[round].Type, Cluster) // of the method
		s.Kill()
		must(t, s.Put(cluster("c")))
		must(t, s.Restart())
	}
	expect(t, "names", s.Responses()[1].Names, "[c]")
	expect(t, "initial", len(s.Requests()[1].Initial), 2)
}

func TestAUnixSocketIsServedAgainAfterTheEnd(t *testing.T) {
	s := started(t, Options{Network: "unix", Address: filepath.Join(t.TempDir(), "xds.sock")})
	must(t, s.Put(cluster("a")))
	for range 2 {
		stream := ads(t, s)
		stream.say(&discovery.DiscoveryRequest{TypeUrl: Cluster})
		_, names := stream.next()
		expect(t, "names", names, "a")
		s.Kill()
		if _, err := stream.Recv(); err == nil {
			t.Error("a stream outlives its server")
		}
		must(t, s.Restart())
	}
}

func TestMisbehavesWhenTold(t *testing.T) {
	s := started(t, Options{})
	must(t, s.Put(cluster("a")))
	ended := func(code codes.Code) {
		t.Helper()
		stream, err := discovery.NewAggregatedDiscoveryServiceClient(connect(t, s)).StreamAggregatedResources(contextOf(t))
		if err == nil {
			_ = stream.Send(&discovery.DiscoveryRequest{TypeUrl: Cluster}) // Recv has the reason, if it fails
			_, err = stream.Recv()
		}
		expect(t, "status", grpcstatus.Code(err), code)
	}
	for _, manner := range []Manner{HangUp, Noise} {
		s.Behave(manner)
		ended(codes.Unavailable)
	}
	s.Behave(Serve)
	s.Refuse(grpcstatus.Error(codes.PermissionDenied, "no"))
	ended(codes.PermissionDenied)
	s.Refuse(nil)
	s.Rewrite(func(proto.Message) any { return Raw("\xff\xff\xff") })
	ended(codes.Internal)
	s.Rewrite(nil)

	s.Hold()
	s.Slow(time.Millisecond)
	stream := ads(t, s)
	stream.say(&discovery.DiscoveryRequest{TypeUrl: Cluster})
	number := len(s.Streams()) - 1
	_, err := s.Await(contextOf(t), func(r Request) bool { return r.Stream >= number })
	must(t, err)
	before := len(s.Responses())
	s.Release()
	_, names := stream.next()
	expect(t, "names", names, "a")
	expect(t, "responses", len(s.Responses()), before+1)
}

func TestATTLIsSaidAgain(t *testing.T) {
	s := started(t, Options{Heartbeat: 10 * time.Millisecond})
	must(t, s.PutFor(time.Minute, cluster("a")))
	stream := ads(t, s)
	stream.say(&discovery.DiscoveryRequest{TypeUrl: Cluster})
	for range 3 {
		response, err := stream.Recv()
		must(t, err)
		var wrapped discovery.Resource
		must(t, response.Resources[0].UnmarshalTo(&wrapped))
		expect(t, "ttl", wrapped.Ttl.AsDuration(), time.Minute)
		stream.say(&discovery.DiscoveryRequest{TypeUrl: Cluster, VersionInfo: response.VersionInfo, ResponseNonce: response.Nonce})
	}
}

func TestParsesResources(t *testing.T) {
	const one = `{"@type": type.googleapis.com/envoy.config.cluster.v3.Cluster, name: %s, connect_timeout: 1s}`
	for name, text := range map[string]string{
		"documents": fmt.Sprintf(one+"\n---\n"+one, "a", "b"),
		"a list":    fmt.Sprintf("- "+one+"\n- "+one, "a", "b"),
		"a file":    fmt.Sprintf("version_info: '1'\nresources:\n- "+one+"\n- "+one, "a", "b"),
	} {
		resources, err := Parse(text)
		must(t, err)
		expect(t, name, len(resources), 2)
		expect(t, name, resources[1].(*clusterv3.Cluster).Name, "b")
	}
	for _, text := range []string{"name: a", "{", `{"@type": type.googleapis.com/envoy.config.cluster.v3.Cluster, nam: a}`} {
		if _, err := Parse(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
