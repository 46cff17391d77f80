package metadata

import (
	"fmt"
	"strings"
	"testing"

	envoyapi "github.com/envoyproxy/envoy/contrib/golang/common/go/api"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
	"mosn.io/api"

	"github.com/moeproxy/moe/gofilter/mosn"
)

type headers map[string]string

func (h headers) Get(key string) (string, bool)      { value, ok := h[key]; return value, ok }
func (h headers) Set(key, value string)              { h[key] = value }
func (h headers) Add(key, value string)              { h[key] = value }
func (h headers) Del(key string)                     { delete(h, key) }
func (h headers) Range(func(key, value string) bool) {}
func (h headers) Clone() api.HeaderMap               { return h }
func (h headers) ByteSize() uint64                   { return 0 }

func driver(t *testing.T, raw map[string]interface{}) Driver {
	t.Helper()
	_, driver, err := parseConfig(raw, Drivers{"UNIT": NewUnit})
	if err != nil {
		t.Fatal(err)
	}
	return driver
}

func TestUnitGoesByTheNumber(t *testing.T) {
	unit := driver(t, map[string]interface{}{"driver": "UNIT"})
	for uid, expected := range map[string]string{
		"1": "s1", "50": "s1", "100": "s1", "101": "s2", "200": "s2", " 150 ": "s2",
		"0": "s3", "201": "s3", "-5": "s3", "words": "s3", "": "s3", "99999999999999999999": "s3", "1.5": "s3",
	} {
		if found, ok := unit.Decide(headers{"uid": uid}); !ok || found != expected {
			t.Errorf("uid %q: found %q, expected %q", uid, found, expected)
		}
	}
	if found, ok := unit.Decide(headers{}); ok {
		t.Errorf("no uid: found %q, expected nothing", found)
	}
}

func TestUnitCanBeConfigured(t *testing.T) {
	unit := driver(t, map[string]interface{}{"driver": "UNIT", "header": "X-User", "default": "rest",
		"ranges": []interface{}{map[string]interface{}{"from": 5, "to": 7, "value": "five"}}})
	for user, expected := range map[string]string{"5": "five", "7": "five", "8": "rest"} {
		if found, _ := unit.Decide(headers{"x-user": user}); found != expected {
			t.Errorf("user %s: found %q, expected %q", user, found, expected)
		}
	}
}

func TestErrorsNameTheField(t *testing.T) {
	for expected, raw := range map[string]map[string]interface{}{
		`driver: found "OTHER", expected one of "UNIT"`: {"driver": "OTHER"},
		`driver: found ""`:        {},
		"unknown field":           {"driver": "UNIT", "drivr": "x"},
		"ranges[0]: found from 9": {"driver": "UNIT", "ranges": []interface{}{map[string]interface{}{"from": 9, "to": 1, "value": "x"}}},
		"ranges[0].value":         {"driver": "UNIT", "ranges": []interface{}{map[string]interface{}{"from": 1, "to": 2}}},
	} {
		if _, _, err := parseConfig(raw, Drivers{"UNIT": NewUnit}); err == nil || !strings.Contains(err.Error(), expected) {
			t.Errorf("found %v, expected %q in it", err, expected)
		}
	}
}

// proxy stands for the SDK's side of a stream: it keeps the metadata.
type proxy struct {
	envoyapi.FilterCallbackHandler
	metadata map[string]interface{}
}

type info struct {
	envoyapi.StreamInfo
	proxy *proxy
}

func (p *proxy) StreamInfo() envoyapi.StreamInfo                         { return info{proxy: p} }
func (i info) DynamicMetadata() envoyapi.DynamicMetadata                 { return i.proxy }
func (p *proxy) DecoderFilterCallbacks() envoyapi.DecoderFilterCallbacks { return nil }
func (p *proxy) Get(string) map[string]interface{}                       { return p.metadata }
func (p *proxy) Set(namespace, key string, value interface{}) {
	p.metadata[namespace+" "+key] = value
}

// requestHeaders is what the SDK gives; the filter calls only Get.
type requestHeaders struct {
	envoyapi.RequestHeaderMap
	values map[string]string
}

func (h requestHeaders) Get(key string) (string, bool) { value, ok := h.values[key]; return value, ok }

func TestTheFilterSetsMetadata(t *testing.T) {
	parser := mosn.ConfigParser{Filters: mosn.Filters{Type: New(Drivers{"UNIT": NewUnit})}}
	for expected, test := range map[string]struct{ config, headers map[string]string }{
		"map[envoy.lb site:s1]": {map[string]string{}, map[string]string{"uid": "42"}},
		"map[envoy.lb site:s3]": {map[string]string{}, map[string]string{"uid": "many"}},
		"map[]":                 {map[string]string{}, map[string]string{"other": "42"}},
		"map[other unit:s2]":    {map[string]string{"namespace": "other", "key": "unit"}, map[string]string{"uid": "142"}},
	} {
		config := map[string]interface{}{"driver": "UNIT"}
		for key, value := range test.config {
			config[key] = value
		}
		fields, err := structpb.NewStruct(map[string]interface{}{"stream_filters": []interface{}{
			map[string]interface{}{"type": Type, "config": config}}})
		if err != nil {
			t.Fatal(err)
		}
		packed, err := anypb.New(fields)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.Parse(packed, nil)
		if err != nil {
			t.Fatal(err)
		}
		proxy := &proxy{metadata: map[string]interface{}{}}
		stream := mosn.NewFilter(parsed, proxy)
		if status := stream.DecodeHeaders(requestHeaders{values: test.headers}, false); status != envoyapi.Continue {
			t.Errorf("%s: status %v, expected to go on at once", expected, status)
		}
		if found := fmt.Sprint(proxy.metadata); found != expected {
			t.Errorf("found %s, expected %s", found, expected)
		}
	}
}
