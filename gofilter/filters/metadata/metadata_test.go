package metadata

import (
	"strings"
	"testing"

	"mosn.io/api"
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

func TestTheFilterIsRegisteredWithMOSN(t *testing.T) {
	if _, err := api.CreateStreamFilterChainFactory(Type, map[string]interface{}{"driver": "UNIT"}); err != nil {
		t.Error(err)
	}
}
