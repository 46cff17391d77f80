package metadata

import (
	"fmt"
	"strconv"
	"strings"

	"mosn.io/api"
)

// unit sends users to the deployment unit that holds their data, by the number in a header.
type unit struct {
	header string
	ranges []Range
	other  string
}

// NewUnit is the driver UNIT.
func NewUnit(config *Config) (Driver, error) {
	u := &unit{header: "uid", other: "s3", ranges: []Range{{1, 100, "s1"}, {101, 200, "s2"}}}
	if config.Header != "" {
		u.header = strings.ToLower(config.Header)
	}
	if config.Default != "" {
		u.other = config.Default
	}
	if len(config.Ranges) > 0 {
		u.ranges = config.Ranges
	}
	for i, r := range u.ranges {
		if r.From > r.To {
			return nil, fmt.Errorf("ranges[%d]: found from %d to %d, expected from <= to", i, r.From, r.To)
		}
		if r.Value == "" {
			return nil, fmt.Errorf("ranges[%d].value: found nothing, expected a text", i)
		}
	}
	return u, nil
}

// Decide gives the value of the first range that holds the header's number, the default for any
// other text, and nothing if there is no such header.
func (u *unit) Decide(headers api.HeaderMap) (string, bool) {
	text, ok := headers.Get(u.header)
	if !ok {
		return "", false
	}
	if number, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil {
		for _, r := range u.ranges {
			if number >= r.From && number <= r.To {
				return r.Value, true
			}
		}
	}
	return u.other, true
}
