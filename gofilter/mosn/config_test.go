package mosn

import (
	"fmt"
	"strings"
	"testing"

	udpa "github.com/cncf/xds/go/udpa/type/v1"
	xds "github.com/cncf/xds/go/xds/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
	"mosn.io/api"
)

func structured(t *testing.T, value map[string]interface{}) *structpb.Struct {
	t.Helper()
	fields, err := structpb.NewStruct(value)
	if err != nil {
		t.Fatal(err)
	}
	return fields
}

func packed(t *testing.T, message proto.Message) *anypb.Any {
	t.Helper()
	out, err := anypb.New(message)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func entries(filters ...interface{}) map[string]interface{} {
	return map[string]interface{}{"stream_filters": filters}
}

func filtersOf(t *testing.T, p ConfigParser, any *anypb.Any) *chainConfig {
	t.Helper()
	parsed, err := p.Parse(any, nil)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.(*chainConfig)
}

var known = ConfigParser{Filters: Filters{
	"known": func(config map[string]interface{}) (api.StreamFilterChainFactory, error) {
		if config["bad"] == true {
			return nil, fmt.Errorf("bad is not allowed")
		}
		return &scripted{}, nil
	},
	"broken": func(map[string]interface{}) (api.StreamFilterChainFactory, error) { panic("no such table") },
	"empty":  func(map[string]interface{}) (api.StreamFilterChainFactory, error) { return nil, nil },
}}

func TestConfigurationIsMOSNs(t *testing.T) {
	value := structured(t, entries(map[string]interface{}{"type": "known", "headers_only": true, "stop_waits": true},
		map[string]interface{}{"type": "known", "config": map[string]interface{}{"bad": false}, "non_blocking": true}))
	for _, message := range []proto.Message{&xds.TypedStruct{Value: value}, &udpa.TypedStruct{Value: value}, value} {
		config := filtersOf(t, known, packed(t, message))
		if len(config.factories) != 2 {
			t.Fatalf("%T: found %d filters", message, len(config.factories))
		}
		if found, expected := config.factories[0].traits, (traits{headersOnly: true, stopWaits: true}); found != expected {
			t.Errorf("%T: found %+v, expected %+v", message, found, expected)
		}
		if found, expected := config.factories[1].traits, (traits{nonBlocking: true}); found != expected {
			t.Errorf("%T: found %+v, expected %+v", message, found, expected)
		}
	}
}

func TestFiltersMayRegisterWithMOSN(t *testing.T) {
	api.RegisterStream("registered", func(map[string]interface{}) (api.StreamFilterChainFactory, error) {
		return &scripted{}, nil
	})
	config := filtersOf(t, ConfigParser{}, packed(t, structured(t, entries(map[string]interface{}{"type": "registered"}))))
	if len(config.factories) != 1 {
		t.Errorf("found %d filters", len(config.factories))
	}
}

func TestConfigurationErrorsNameTheField(t *testing.T) {
	for expected, value := range map[string]map[string]interface{}{
		"stream_filters[0] (unknown)":               entries(map[string]interface{}{"type": "unknown"}),
		"the plugin's own are broken, empty, known": entries(map[string]interface{}{"type": "unknown"}),
		"stream_filters[1].type: found nothing":     entries(map[string]interface{}{"type": "known"}, map[string]interface{}{}),
		"stream_filters[0] (known): bad is not":     entries(map[string]interface{}{"type": "known", "config": map[string]interface{}{"bad": true}}),
		"stream_filters[0]: json: cannot":           entries(map[string]interface{}{"type": 5.0}),
		"stream_filters[0]: json: unknown field":    entries(map[string]interface{}{"type": "known", "confg": map[string]interface{}{}}),
		"stream_filters[0] (empty): its creator":    entries(map[string]interface{}{"type": "empty"}),
		"stream_filters[1] (broken): its creator panicked: no such table": entries(
			map[string]interface{}{"type": "known"}, map[string]interface{}{"type": "broken"}),
		"stream_filters: expected a list": {"stream_filters": "known"},
		"filters: unknown field":          {"filters": []interface{}{}},
	} {
		if _, err := known.Parse(packed(t, structured(t, value)), nil); err == nil || !strings.Contains(err.Error(), expected) {
			t.Errorf("found %v, expected %q in it", err, expected)
		}
	}
	for expected, any := range map[string]*anypb.Any{
		"found no configuration":                   {},
		"found a type.googleapis.com/google.proto": packed(t, structpb.NewBoolValue(true)),
		"does.not.Exist":                           {TypeUrl: "type.googleapis.com/does.not.Exist"},
	} {
		if _, err := known.Parse(any, nil); err == nil || !strings.Contains(err.Error(), expected) {
			t.Errorf("found %v, expected %q in it", err, expected)
		}
	}
}

func TestARoutesListTakesThePlaceOfTheFilters(t *testing.T) {
	parse := func(value map[string]interface{}) *chainConfig {
		return filtersOf(t, known, packed(t, structured(t, value)))
	}
	parent := parse(entries(map[string]interface{}{"type": "known"}))
	child := parse(entries(map[string]interface{}{"type": "known"}))
	none := parse(entries())
	silent := parse(map[string]interface{}{})
	if known.Merge(parent, child) != interface{}(child) {
		t.Error("the route's list does not count")
	}
	if known.Merge(parent, none) != interface{}(none) {
		t.Error("an empty list does not switch the filters off")
	}
	if known.Merge(parent, silent) != interface{}(parent) {
		t.Error("a route without a list changes something")
	}
}
