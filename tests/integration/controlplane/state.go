package controlplane

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/proto"
)

type cacheNode = core.Node

// Types of resources, as in type URLs.
const (
	Cluster   = resource.ClusterType
	Endpoints = resource.EndpointType
	Listener  = resource.ListenerType
	Route     = resource.RouteType
	Secret    = resource.SecretType
)

// state is what is served: resources by type and name, and a version for each type that changes with them.
type state struct {
	mutex    sync.Mutex
	types    map[string]*typeState
	snapshot *cache.Snapshot // null: clients wait
}

type typeState struct {
	version   int
	resources map[string]types.ResourceWithTTL
}

// Put adds or replaces resources.
func (s *Server) Put(resources ...proto.Message) error { return s.PutFor(0, resources...) }

// PutFor adds or replaces resources with a TTL (0: none).
func (s *Server) PutFor(ttl time.Duration, resources ...proto.Message) error {
	return s.change(func(by func(string) map[string]types.ResourceWithTTL) error {
		return put(by, ttl, resources)
	})
}

// Set makes these all the resources there are, in one step.
func (s *Server) Set(resources ...proto.Message) error {
	return s.change(func(by func(string) map[string]types.ResourceWithTTL) error {
		for typeURL := range s.state.types {
			clear(by(typeURL))
		}
		return put(by, 0, resources)
	})
}

// Remove takes resources of a type away.
func (s *Server) Remove(typeURL string, names ...string) error {
	return s.change(func(by func(string) map[string]types.ResourceWithTTL) error {
		for _, name := range names {
			delete(by(typeURL), name)
		}
		return nil
	})
}

// Version of a type, as state-of-the-world responses have it.
func (s *Server) Version(typeURL string) string {
	s.state.mutex.Lock()
	defer s.state.mutex.Unlock()
	if of, ok := s.state.types[typeURL]; ok {
		return strconv.Itoa(of.version)
	}
	return "0"
}

func put(by func(string) map[string]types.ResourceWithTTL, ttl time.Duration, resources []proto.Message) error {
	for _, message := range resources {
		name, typeURL := cache.GetResourceName(message), "type.googleapis.com/"+string(message.ProtoReflect().Descriptor().FullName())
		if name == "" || cache.GetResponseType(typeURL) == types.UnknownType {
			return fmt.Errorf("%s: not a resource with a name", typeURL)
		}
		with := types.ResourceWithTTL{Resource: message}
		if ttl > 0 {
			with.TTL = &ttl
		}
		by(typeURL)[name] = with
	}
	return nil
}

// change works on copies: a snapshot that clients have been told of does not change.
func (s *Server) change(step func(func(string) map[string]types.ResourceWithTTL) error) error {
	s.state.mutex.Lock()
	changed := map[string]map[string]types.ResourceWithTTL{}
	err := step(func(typeURL string) map[string]types.ResourceWithTTL {
		if changed[typeURL] == nil {
			changed[typeURL] = map[string]types.ResourceWithTTL{}
			if of, ok := s.state.types[typeURL]; ok {
				for name, with := range of.resources {
					changed[typeURL][name] = with
				}
			}
		}
		return changed[typeURL]
	})
	if err != nil {
		s.state.mutex.Unlock()
		return err
	}
	if s.state.types == nil {
		s.state.types = map[string]*typeState{}
	}
	for typeURL, resources := range changed {
		of, ok := s.state.types[typeURL]
		if ok && same(of.resources, resources) {
			continue
		}
		if !ok {
			of = &typeState{}
			s.state.types[typeURL] = of
		}
		of.version++
		of.resources = resources
	}
	snapshot := &cache.Snapshot{}
	for i := range snapshot.Resources {
		snapshot.Resources[i] = cache.NewResourcesWithTTL("0", nil)
	}
	for typeURL, of := range s.state.types {
		snapshot.Resources[cache.GetResponseType(typeURL)] = cache.Resources{Version: strconv.Itoa(of.version), Items: of.resources}
	}
	s.state.snapshot = snapshot
	s.state.mutex.Unlock()

	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.publish()
}

func same(a, b map[string]types.ResourceWithTTL) bool {
	if len(a) != len(b) {
		return false
	}
	for name, with := range a {
		other, ok := b[name]
		if !ok || !proto.Equal(with.Resource, other.Resource) || (with.TTL == nil) != (other.TTL == nil) || (with.TTL != nil && *with.TTL != *other.TTL) {
			return false
		}
	}
	return true
}

// publish tells clients of the present snapshot. The server's mutex is held.
func (s *Server) publish() error {
	s.state.mutex.Lock()
	snapshot := s.state.snapshot
	s.state.mutex.Unlock()
	if snapshot == nil || s.cache == nil {
		return nil
	}
	return s.cache.SetSnapshot(context.Background(), node, snapshot)
}

// short is "Cluster" of a type URL: for texts.
func short(typeURL string) string { return typeURL[strings.LastIndexByte(typeURL, '.')+1:] }
