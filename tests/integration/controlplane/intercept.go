package controlplane

import (
	"maps"
	"time"

	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/proto"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
)

// typeOfMethod is what requests on a stream of one type are about, where they do not say.
var typeOfMethod = map[string]string{
	"Clusters": Cluster, "Endpoints": Endpoints, "Listeners": Listener, "Routes": Route, "Secrets": Secret,
}

// recorded is a stream that is recorded and disturbed.
type recorded struct {
	grpc.ServerStream
	server   *Server
	number   int
	typeURL  string
	versions map[string]string // of responses, by nonce
}

func (s *Server) intercept(handlers any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	opened := Stream{Method: info.FullMethod, Opened: time.Now()}
	if from, ok := peer.FromContext(stream.Context()); ok {
		opened.Remote = from.Addr.String()
		if with, ok := from.AuthInfo.(credentials.TLSInfo); ok {
			opened.Peer = with.State.PeerCertificates
		}
	}
	if header, ok := metadata.FromIncomingContext(stream.Context()); ok {
		opened.Header = maps.Clone(header)
	}
	var number int
	s.record.add(func() {
		number = len(s.record.streams)
		s.record.streams = append(s.record.streams, opened)
	})
	defer s.record.add(func() { s.record.streams[number].Closed = time.Now() })

	s.faults.mutex.Lock()
	refusal := s.faults.refusal
	s.faults.mutex.Unlock()
	if refusal != nil {
		return refusal
	}
	out := &recorded{ServerStream: stream, server: s, number: number, versions: map[string]string{}}
	for suffix, typeURL := range typeOfMethod {
		if method := opened.Method[lastSlash(opened.Method):]; method == "/Stream"+suffix || method == "/Delta"+suffix {
			out.typeURL = typeURL
		}
	}
	return handler(handlers, out)
}

func lastSlash(text string) int {
	for i := len(text) - 1; i >= 0; i-- {
		if text[i] == '/' {
			return i
		}
	}
	return 0
}

func (r *recorded) RecvMsg(message any) error {
	if err := r.ServerStream.RecvMsg(message); err != nil {
		return err
	}
	if request, ok := requestOf(r.number, message, r.typeURL); ok {
		r.server.record.add(func() {
			if m, ok := message.(*discovery.DiscoveryRequest); ok && m.ErrorDetail != nil {
				// The cache would answer a NACK by the same again, at once and forever. A control plane that
				// knows better waits for something new.
				m.VersionInfo = r.versions[m.ResponseNonce]
			}
			r.server.record.requests = append(r.server.record.requests, request)
		})
	}
	return nil
}

func (r *recorded) SendMsg(message any) error {
	if err := r.wait(); err != nil {
		return err
	}
	identify(message, r.server.options.Identifier)
	if response, ok := responseOf(r.number, message); ok {
		r.server.record.add(func() {
			r.versions[response.Nonce] = response.Version
			r.server.record.responses = append(r.server.record.responses, response)
		})
	}
	r.server.faults.mutex.Lock()
	rewrite := r.server.faults.rewrite
	r.server.faults.mutex.Unlock()
	if rewrite != nil {
		// Resources are shared by all streams.
		message = rewrite(proto.Clone(message.(proto.Message)))
	}
	return r.ServerStream.SendMsg(message)
}

// wait holds a response back as long as the faults say so.
func (r *recorded) wait() error {
	f := &r.server.faults
	for start := time.Now(); ; {
		f.mutex.Lock()
		held, left, changed := f.held, f.delay-time.Since(start), f.changed
		f.mutex.Unlock()
		if !held && left <= 0 {
			return nil
		}
		var timer <-chan time.Time
		if !held {
			timer = time.After(left)
		}
		select {
		case <-changed:
		case <-timer:
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}
}

func identify(message any, identifier string) {
	if identifier == "" {
		return
	}
	switch m := message.(type) {
	case *discovery.DiscoveryResponse:
		m.ControlPlane = &core.ControlPlane{Identifier: identifier}
	case *discovery.DeltaDiscoveryResponse:
		m.ControlPlane = &core.ControlPlane{Identifier: identifier}
	}
}
