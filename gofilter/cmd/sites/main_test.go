package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestSitesSayWhoTheyAre(t *testing.T) {
	done, cancel := context.WithCancel(context.Background())
	from, to := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(done, strings.Split(usual, ","), to) }()
	lines := bufio.NewReader(from)
	for _, expected := range []string{"s1", "s2", "s3"} {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		name, address, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != expected {
			t.Errorf("found %q, expected %s", line, expected)
		}
		response, err := http.Get("http://" + address + "/a/b")
		if err != nil {
			t.Fatal(err)
		}
		var answer map[string]string
		err = json.NewDecoder(response.Body).Decode(&answer)
		response.Body.Close()
		if err != nil || answer["site"] != expected || answer["path"] != "/a/b" || response.Header.Get("x-site") != expected {
			t.Errorf("%s: answered %v %v (%v)", expected, answer, response.Header, err)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestABadListIsAnError(t *testing.T) {
	for _, bad := range []string{"s1", "=127.0.0.1:0", "s1=127.0.0.1:99999"} {
		if err := run(context.Background(), []string{bad}, io.Discard); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
