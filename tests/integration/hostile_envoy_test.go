package integration

import (
	"os"
	"strings"
	"testing"
	"time"
)

const strictnessPage = "../../docs/strictness.md"

// The table of docs/strictness.md says in which cases Envoy does something else, and why; no more, no less.
func TestHostileAgainstEnvoyIfMOE_ENVOYNamesOne(t *testing.T) {
	envoy := os.Getenv("MOE_ENVOY")
	if envoy == "" {
		t.Skip("MOE_ENVOY does not name an envoy binary (tools/setup --bench installs ~/.cache/moe/bench/bin/envoy)")
	}
	listed := listedDifferences(t)
	compare := func(c hostileCase, run func() string) {
		row, found := listed[c.name]
		delete(listed, c.name)
		got := run()
		if (found && got != row[1]) || (!found && got != c.want) {
			got = run() // on a busy machine Envoy may have been slower than our patience
		}
		switch {
		case got == c.want && found:
			t.Errorf("%s lists %q, but Envoy does the same: %s", strictnessPage, c.name, got)
		case got != c.want && !found:
			t.Errorf("%s misses a row: | %s | `%s` | `%s` | ? |", strictnessPage, c.name, c.want, got)
		case found && (row[0] != c.want || row[1] != got || row[2] == "" || row[2] == "?"):
			t.Errorf("%s has %q, expected: | %s | `%s` | `%s` | reason |", strictnessPage, row, c.name, c.want, got)
		}
	}
	// Envoy may wait for more where moe refuses at once.
	requests := startSide(t, envoy, 2*time.Second, nil)
	for _, c := range hostileRequests {
		compare(c, func() string { return requests.request(t, c) })
	}
	responses := startSide(t, envoy, 2*time.Second, hostileResponses)
	for i, c := range hostileResponses {
		compare(c, func() string { return responses.response(t, i, c) })
	}
	for name := range listed {
		t.Errorf("%s lists %q, which is no case", strictnessPage, name)
	}
}

// listedDifferences are the rows `| case | moe | Envoy | reason |`, by case.
func listedDifferences(t *testing.T) map[string][3]string {
	t.Helper()
	page, err := os.ReadFile(strictnessPage)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][3]string{}
	_, table, _ := strings.Cut(string(page), "\n## Differences from Envoy\n")
	for _, line := range strings.Split(table, "\n") {
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if len(cells) != 4 || cells[0] == "case" || strings.HasPrefix(cells[0], "---") {
			continue
		}
		if _, twice := rows[cells[0]]; twice {
			t.Errorf("%s lists %q twice", strictnessPage, cells[0])
		}
		rows[cells[0]] = [3]string{strings.Trim(cells[1], "`"), strings.Trim(cells[2], "`"), cells[3]}
	}
	return rows
}
