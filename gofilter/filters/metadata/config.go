// Package metadata is the MOSN stream filter "metadata": it looks at a request and leaves what it
// has found as dynamic metadata, by which a subset load balancer chooses the endpoint.
//
//	{"type": "metadata", "config": {"driver": "UNIT"}}
//
// A driver decides; UNIT goes by a user's number. The package registers itself with MOSN's API with
// this driver; others can be given to New.
package metadata

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"github.com/moeproxy/moe/gofilter/mosn"
)

// Type is the filter's usual name in stream_filters.
const Type = "metadata"

// Config is the filter's configuration. Namespace and Key say where the value goes; Driver decides
// what it is, by the settings beside it.
type Config struct {
	Driver    string `json:"driver"`
	Namespace string `json:"namespace"` // default "envoy.lb", where subset load balancing looks
	Key       string `json:"key"`       // default "site"

	Header  string  `json:"header"`  // UNIT: the header with the number; default "uid"
	Ranges  []Range `json:"ranges"`  // UNIT: default [1,100] s1, [101,200] s2
	Default string  `json:"default"` // UNIT: any other value; default "s3"
}

// Range maps the numbers from From to To, both included, to a value.
type Range struct {
	From  int64  `json:"from"`
	To    int64  `json:"to"`
	Value string `json:"value"`
}

// Drivers are the makers of drivers by the name that a configuration calls "driver".
type Drivers map[string]func(*Config) (Driver, error)

func parseConfig(raw map[string]interface{}, drivers Drivers) (*Config, Driver, error) {
	text, err := json.Marshal(raw)
	if err != nil {
		return nil, nil, err
	}
	config := &Config{}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(config); err != nil {
		return nil, nil, err
	}
	if config.Namespace == "" {
		config.Namespace = mosn.LoadBalancing
	}
	if config.Key == "" {
		config.Key = "site"
	}
	create, ok := drivers[config.Driver]
	if !ok {
		return nil, nil, fmt.Errorf("driver: found %q, expected one of %s", config.Driver, strings.Join(drivers.names(), ", "))
	}
	driver, err := create(config)
	return config, driver, err
}

func (d Drivers) names() []string {
	var names []string
	for name := range d {
		names = append(names, fmt.Sprintf("%q", name))
	}
	sort.Strings(names)
	return names
}
