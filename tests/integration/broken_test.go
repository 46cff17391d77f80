package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Each broken bootstrap says in "# expect:" lines (or in a file NAME.expect) what its error must hold.
func TestBrokenBootstrapsAreExplained(t *testing.T) {
	files, _ := filepath.Glob("../data/broken/*")
	tried := 0
	for _, file := range files {
		extension := filepath.Ext(file)
		if extension != ".yaml" && extension != ".json" {
			continue
		}
		source := file
		if extension == ".json" {
			source = strings.TrimSuffix(file, extension) + ".expect"
			if _, err := os.Stat(source); err != nil {
				source = file + ".expect"
			}
		}
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		var wanted []string
		for _, line := range strings.Split(string(text), "\n") {
			after, found := strings.CutPrefix(line, "# expect: ")
			if found || (extension == ".json" && after != "") {
				wanted = append(wanted, after)
			}
		}
		if len(wanted) == 0 {
			t.Errorf("%s does not say what to expect", file)
		}
		output, err := exec.Command(binary(t), "-c", file, "--mode", "validate").CombinedOutput()
		exit, failed := err.(*exec.ExitError)
		if !failed || exit.ExitCode() != 1 {
			t.Errorf("%s: %v %s", file, err, output)
		}
		for _, want := range wanted {
			if !strings.Contains(string(output), want) {
				t.Errorf("%s: %s\nexpected: %s", file, output, want)
			}
		}
		tried++
	}
	if tried < 40 {
		t.Fatalf("only %d broken bootstraps", tried)
	}
}
