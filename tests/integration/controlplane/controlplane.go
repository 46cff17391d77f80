// Package controlplane is a small xDS control plane for tests, and for people who want to see moe change: ADS and
// streams of one type, state of the world and incremental. It keeps what clients say, and it misbehaves when told to.
package controlplane

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"sync"
	"time"

	clusterservice "github.com/envoyproxy/go-control-plane/envoy/service/cluster/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	endpointservice "github.com/envoyproxy/go-control-plane/envoy/service/endpoint/v3"
	extensionservice "github.com/envoyproxy/go-control-plane/envoy/service/extension/v3"
	listenerservice "github.com/envoyproxy/go-control-plane/envoy/service/listener/v3"
	routeservice "github.com/envoyproxy/go-control-plane/envoy/service/route/v3"
	runtimeservice "github.com/envoyproxy/go-control-plane/envoy/service/runtime/v3"
	secretservice "github.com/envoyproxy/go-control-plane/envoy/service/secret/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// Options of a Server; the zero value listens on a port of 127.0.0.1 that the system chooses.
type Options struct {
	Network, Address string        // "tcp" and "127.0.0.1:0"; or "unix" and a path
	TLS              *tls.Config   // nil: no TLS. ClientAuth in it asks for certificates of clients.
	Heartbeat        time.Duration // how often resources with a TTL are said to be still there; 0: never
	Identifier       string        // control_plane.identifier of responses
}

// Server serves one set of resources to every client, whatever its node says. Its methods are safe for use by many
// goroutines. What it has recorded and what it serves outlive Kill.
type Server struct {
	options Options
	state   state
	record  record
	faults  faults

	mutex    sync.Mutex
	address  net.Addr
	grpc     *grpc.Server
	listener *listener
	stop     context.CancelFunc
	cache    cache.SnapshotCache
}

// Start begins to serve, without any resources: clients wait until there are some. Close ends it.
func Start(options Options) (*Server, error) {
	if options.Network == "" {
		options.Network = "tcp"
	}
	if options.Address == "" {
		options.Address = "127.0.0.1:0"
	}
	s := &Server{options: options}
	s.record.changed = make(chan struct{})
	s.faults.changed = make(chan struct{})
	if err := s.Restart(); err != nil {
		return nil, err
	}
	return s, nil
}

// Addr is where it listens, or listened before it was killed.
func (s *Server) Addr() net.Addr {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.address
}

// Port of a server on TCP.
func (s *Server) Port() int { return s.Addr().(*net.TCPAddr).Port }

// Restart serves again at the same address. A server that is being served ends first.
func (s *Server) Restart() error {
	s.Kill()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	address := s.options.Address
	if s.address != nil {
		address = s.address.String()
	}
	if s.options.Network == "unix" {
		_ = os.Remove(address) // of a process that was killed
	}
	inner, err := net.Listen(s.options.Network, address)
	if err != nil {
		return err
	}
	s.address = inner.Addr()
	s.listener = &listener{Listener: inner, server: s, open: map[net.Conn]struct{}{}}

	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.cache = cache.NewSnapshotCache(false, everyNode{}, quiet{})
	if s.options.Heartbeat > 0 {
		s.cache = cache.NewSnapshotCacheWithHeartbeating(ctx, false, everyNode{}, quiet{}, s.options.Heartbeat)
	}
	if err := s.publish(); err != nil {
		stop()
		inner.Close()
		return err
	}
	options := []grpc.ServerOption{grpc.ForceServerCodec(codec{}), grpc.StreamInterceptor(s.intercept),
		grpc.MaxConcurrentStreams(1_000_000), grpc.MaxRecvMsgSize(64 << 20)}
	if s.options.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(s.options.TLS)))
	}
	s.grpc = grpc.NewServer(options...)
	handlers := server.NewServer(ctx, s.cache, nil)
	discovery.RegisterAggregatedDiscoveryServiceServer(s.grpc, handlers)
	clusterservice.RegisterClusterDiscoveryServiceServer(s.grpc, handlers)
	endpointservice.RegisterEndpointDiscoveryServiceServer(s.grpc, handlers)
	listenerservice.RegisterListenerDiscoveryServiceServer(s.grpc, handlers)
	routeservice.RegisterRouteDiscoveryServiceServer(s.grpc, handlers)
	routeservice.RegisterScopedRoutesDiscoveryServiceServer(s.grpc, handlers)
	routeservice.RegisterVirtualHostDiscoveryServiceServer(s.grpc, handlers)
	secretservice.RegisterSecretDiscoveryServiceServer(s.grpc, handlers)
	runtimeservice.RegisterRuntimeDiscoveryServiceServer(s.grpc, handlers)
	extensionservice.RegisterExtensionConfigDiscoveryServiceServer(s.grpc, handlers)
	go func(server *grpc.Server, on net.Listener) { _ = server.Serve(on) }(s.grpc, s.listener)
	return nil
}

// Kill closes the listener and every connection, as the end of a process does.
func (s *Server) Kill() {
	s.mutex.Lock()
	grpc, stop := s.grpc, s.stop
	s.grpc, s.cache = nil, nil
	s.mutex.Unlock()
	if grpc != nil {
		stop()
		grpc.Stop()
	}
}

// Close ends it.
func (s *Server) Close() { s.Kill() }

// everyNode is served the same.
type everyNode struct{}

const node = "every node"

func (everyNode) ID(*cacheNode) string { return node }

// quiet takes the log lines of go-control-plane, which are no one's concern.
type quiet struct{}

func (quiet) Debugf(string, ...interface{}) {}
func (quiet) Infof(string, ...interface{})  {}
func (quiet) Warnf(string, ...interface{})  {}
func (quiet) Errorf(string, ...interface{}) {}
