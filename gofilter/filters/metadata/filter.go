package metadata

import (
	"context"

	"mosn.io/api"

	"github.com/moeproxy/moe/gofilter/mosn"
)

// An import for this side effect is all that a library needs, see docs/mosn.md.
func init() { api.RegisterStream(Type, New(Drivers{"UNIT": NewUnit})) }

// Driver decides about a request; ok is false if there is nothing to say. It is shared by all
// streams and must not block.
type Driver interface {
	Decide(headers api.HeaderMap) (value string, ok bool)
}

// New makes the filter's creator with these drivers: a library of its own drivers gives it to
// plugin.Register, which takes the place of the registered one.
func New(drivers Drivers) api.StreamFilterFactoryCreator {
	return func(raw map[string]interface{}) (api.StreamFilterChainFactory, error) {
		config, driver, err := parseConfig(raw, drivers)
		if err != nil {
			return nil, err
		}
		return &factory{config: config, driver: driver}, nil
	}
}

type factory struct {
	config *Config
	driver Driver
}

func (f *factory) CreateFilterChain(_ context.Context, callbacks api.StreamFilterChainFactoryCallbacks) {
	callbacks.AddStreamReceiverFilter(filter{f}, api.BeforeRoute)
}

type filter struct{ *factory }

var (
	_ mosn.NonBlocking = filter{}
	_ mosn.HeadersOnly = filter{}
)

func (f filter) OnReceive(ctx context.Context, headers api.HeaderMap, _ api.IoBuffer, _ api.HeaderMap) api.StreamFilterStatus {
	if value, ok := f.driver.Decide(headers); ok {
		if metadata := mosn.MetadataOf(ctx); metadata != nil {
			metadata.Set(f.config.Namespace, f.config.Key, value)
		}
	}
	return api.StreamFilterContinue
}

func (filter) SetReceiveFilterHandler(api.StreamReceiverFilterHandler) {}
func (filter) OnDestroy()                                              {}

// NonBlocking and HeadersOnly say what the adapter need not do for this filter.
func (filter) NonBlocking() {}
func (filter) HeadersOnly() {}
