package mosn

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"

	udpa "github.com/cncf/xds/go/udpa/type/v1"
	xds "github.com/cncf/xds/go/xds/type/v3"
	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
	"mosn.io/api"
)

// chainConfig is the configured list of filters; immutable.
type chainConfig struct {
	factories []configured
	given     bool // there was a list, be it an empty one
}

type configured struct {
	name    string // the filter's type
	factory api.StreamFilterChainFactory
	traits
}

// traits are what the operator says of a filter; the filter may say so, too.
type traits struct {
	nonBlocking, headersOnly, stopWaits bool
}

// filterConfig is one entry of MOSN's stream_filters. The last three keys are not MOSN's: with them
// an operator vouches for a filter that does not implement the interfaces of these names.
type filterConfig struct {
	Type        string                 `json:"type"`
	Config      map[string]interface{} `json:"config"`
	NonBlocking bool                   `json:"non_blocking"`
	HeadersOnly bool                   `json:"headers_only"`
	StopWaits   bool                   `json:"stop_waits"`
}

// ConfigParser parses the plugin's configuration for the SDK. Filters come first; a type that is not
// among them is looked for among those registered with mosn.io/api.RegisterStream.
type ConfigParser struct {
	Filters Filters
}

var _ envoyapi.StreamFilterConfigParser = ConfigParser{}

// Parse takes an xds or udpa TypedStruct, or a bare Struct, that holds MOSN's JSON. Errors name the
// entry and the key.
func (p ConfigParser) Parse(any *anypb.Any, _ envoyapi.ConfigCallbackHandler) (interface{}, error) {
	value, err := structOf(any)
	if err != nil {
		return nil, err
	}
	for key := range value.GetFields() {
		if key != "stream_filters" {
			return nil, fmt.Errorf("%s: unknown field, expected stream_filters", key)
		}
	}
	list, given := value.GetFields()["stream_filters"]
	if _, isList := list.GetKind().(*structpb.Value_ListValue); given && !isList {
		return nil, errors.New("stream_filters: expected a list")
	}
	out := &chainConfig{given: given}
	for i, entry := range list.GetListValue().GetValues() {
		one, err := p.create(entry)
		if err != nil {
			return nil, fmt.Errorf("stream_filters[%d]%w", i, err)
		}
		out.factories = append(out.factories, one)
	}
	return out, nil
}

func (p ConfigParser) create(entry *structpb.Value) (configured, error) {
	text, err := json.Marshal(entry.AsInterface())
	if err != nil {
		return configured{}, fmt.Errorf(": %w", err)
	}
	var filter filterConfig
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&filter); err != nil {
		return configured{}, fmt.Errorf(": %w", err)
	}
	if filter.Type == "" {
		return configured{}, errors.New(".type: found nothing, expected the name of a MOSN stream filter")
	}
	creator, ok := p.Filters[filter.Type]
	if !ok {
		creator = func(config map[string]interface{}) (api.StreamFilterChainFactory, error) {
			factory, err := api.CreateStreamFilterChainFactory(filter.Type, config)
			if err != nil && len(p.Filters) > 0 {
				err = fmt.Errorf("%w; the plugin's own are %s", err, strings.Join(p.Filters.names(), ", "))
			}
			return factory, err
		}
	}
	factory, err := calling(creator, filter.Config)
	if err != nil {
		return configured{}, fmt.Errorf(" (%s): %w", filter.Type, err)
	}
	if factory == nil {
		return configured{}, fmt.Errorf(" (%s): its creator made nothing", filter.Type)
	}
	return configured{filter.Type, factory, traits{filter.NonBlocking, filter.HeadersOnly, filter.StopWaits}}, nil
}

// calling makes an error of a creator's panic, which would end the process: the SDK recovers none here.
func calling(creator api.StreamFilterFactoryCreator, config map[string]interface{}) (factory api.StreamFilterChainFactory, err error) {
	defer func() {
		if e := recover(); e != nil {
			err = fmt.Errorf("its creator panicked: %v", e)
		}
	}()
	return creator(config)
}

func (f Filters) names() []string {
	names := make([]string, 0, len(f))
	for name := range f {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Merge lets a route's list, even an empty one, take the place of the filter's. A configuration
// without a list changes nothing.
func (ConfigParser) Merge(parent interface{}, child interface{}) interface{} {
	if !child.(*chainConfig).given {
		return parent
	}
	return child
}

func structOf(any *anypb.Any) (*structpb.Struct, error) {
	if any.GetTypeUrl() == "" {
		return nil, errors.New("found no configuration, expected a TypedStruct with stream_filters")
	}
	message, err := any.UnmarshalNew()
	if err != nil {
		return nil, fmt.Errorf("%s: %w, expected a TypedStruct with stream_filters", any.GetTypeUrl(), err)
	}
	switch typed := message.(type) {
	case *xds.TypedStruct:
		return typed.GetValue(), nil
	case *udpa.TypedStruct:
		return typed.GetValue(), nil
	case *structpb.Struct:
		return typed, nil
	}
	return nil, fmt.Errorf("found a %s, expected a TypedStruct with stream_filters", any.GetTypeUrl())
}
