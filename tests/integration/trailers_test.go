package integration

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// The codec of each side passes trailers on only if that side's options say so; HTTP/2 always does.
func TestTrailersPassWhereBothSidesEnableThem(t *testing.T) {
	const enabled = "http_protocol_options: {enable_trailers: true}"
	for _, c := range []struct {
		name    string
		down    version
		options []string
		cluster string
		passes  bool
	}{
		{"both", h1, []string{enabled}, http1Trailers, true},
		{"both, by the old field", h1, []string{enabled}, enabled + ", ", true},
		{"only the client's side", h1, []string{enabled}, "", false},
		{"only the upstream's side", h1, nil, http1Trailers, false},
		{"neither", h1, nil, "", false},
		{"HTTP/2 and the upstream's side", h2, nil, http1Trailers, true},
		{"HTTP/2 alone", h2, nil, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := backend(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Trailer", "X-After")
				_, _ = io.Copy(io.Discard, r.Body)
				fmt.Fprintf(w, "trailer %q", r.Trailer.Get("X-Request-After"))
				w.Header().Set("X-After", "later")
			})
			port := freePort(t)
			config := httpConfig(port, []string{allToSite}, []string{staticCluster("site", c.cluster, address)}, c.options...)
			startProgram(t, binary(t), []string{"--strict"}, config, port)
			request, _ := http.NewRequest("POST", url(port, "/"), io.MultiReader(strings.NewReader("data")))
			request.Trailer = http.Header{"X-Request-After": []string{"sent"}}
			response, err := c.down.client(t).Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			want := [2]string{`trailer ""`, ""}
			if c.passes {
				want = [2]string{`trailer "sent"`, "later"}
			}
			expect(t, "trailers", [2]string{string(body), response.Trailer.Get("X-After")}, want)
			expect(t, "error", err, nil)
		})
	}
}
