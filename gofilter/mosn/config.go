package mosn

import (
	"encoding/json"
	"errors"
	"fmt"

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
}

type configured struct {
	factory     api.StreamFilterChainFactory
	nonBlocking bool // as the operator says; the filter may say so, too
	headersOnly bool
}

// filterConfig is one entry of MOSN's stream_filters. The last two keys are not MOSN's: with them an
// operator vouches for a filter that does not say so itself.
type filterConfig struct {
	Type        string                 `json:"type"`
	Config      map[string]interface{} `json:"config"`
	NonBlocking bool                   `json:"non_blocking"`
	HeadersOnly bool                   `json:"headers_only"`
}

// ConfigParser parses the plugin's configuration.
type ConfigParser struct{}

// Parse takes an xds or udpa TypedStruct, or a bare Struct, that holds MOSN's JSON.
func (ConfigParser) Parse(any *anypb.Any, _ envoyapi.ConfigCallbackHandler) (interface{}, error) {
	value, err := structOf(any)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(value.AsMap())
	if err != nil {
		return nil, err
	}
	var list struct {
		StreamFilters []filterConfig `json:"stream_filters"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("stream_filters: %w", err)
	}
	out := &chainConfig{}
	for i, filter := range list.StreamFilters {
		if filter.Type == "" {
			return nil, fmt.Errorf("stream_filters[%d].type: found nothing, expected the name of a MOSN stream filter", i)
		}
		factory, err := api.CreateStreamFilterChainFactory(filter.Type, filter.Config)
		if err != nil {
			return nil, fmt.Errorf("stream_filters[%d] (%s): %w", i, filter.Type, err)
		}
		out.factories = append(out.factories, configured{factory, filter.NonBlocking, filter.HeadersOnly})
	}
	return out, nil
}

// Merge lets a route's list take the place of the filter's; an empty one changes nothing.
func (ConfigParser) Merge(parent interface{}, child interface{}) interface{} {
	if len(child.(*chainConfig).factories) == 0 {
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
		return nil, err
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
