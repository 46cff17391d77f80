package integration

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"
)

// h2spec asks for these, RFC 9113 does not.
var h2specNotRequired = map[string]string{
	"http2/5.3.1/2": "priorities are deprecated, RFC 9113 section 5.3.2",
}

// Every case of h2spec, a test suite for RFC 7540 and 7541 that others wrote, is a subtest.
func TestH2spec(t *testing.T) {
	port := forwarding(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "hello")
	}, "codec_type: HTTP2")
	c := &config.Config{Host: "127.0.0.1", Port: port, Path: "/", Timeout: 5 * time.Second, MaxHeaderLen: 4000, Strict: true}
	cases := 0
	for _, group := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
		cases += h2specGroup(t, c, group)
	}
	if cases < 145 {
		t.Errorf("found %d cases, expected 145", cases)
	}
}

func h2specGroup(t *testing.T, c *config.Config, group *spec.TestGroup) int {
	tests := append(group.Tests, group.StrictTests...)
	cases := len(tests)
	for i, test := range tests {
		id := fmt.Sprintf("%s/%d", group.ID(), i+1)
		if reason, found := h2specNotRequired[id]; found {
			t.Run(fmt.Sprintf("%s not run: %s", id, reason), func(*testing.T) {})
			continue
		}
		t.Run(id+" "+test.Desc, func(t *testing.T) {
			if err := test.Test(c, i+1); err != nil {
				t.Fatal(err)
			}
			result := test.Result
			if result == nil {
				t.Fatal("it did not run")
			}
			if result.Failed {
				t.Errorf("%s: %v", test.Requirement, result.Error)
			} else if result.Skipped {
				t.Errorf("skipped: %s", test.Requirement)
			}
		})
	}
	for _, inner := range group.Groups {
		cases += h2specGroup(t, c, inner)
	}
	return cases
}
