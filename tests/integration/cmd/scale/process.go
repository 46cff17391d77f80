package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// process is a proxy that is measured.
type process struct {
	command *exec.Cmd
	output  bytes.Buffer
	done    chan error
	began   time.Time
}

func startProcess(folder, program, config string) (*process, error) {
	file := filepath.Join(folder, "bootstrap.yaml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return nil, err
	}
	p := &process{command: exec.Command(program, "-c", file, "--concurrency", "2", "-l", "warn", "--disable-hot-restart"), done: make(chan error, 1)}
	p.command.Stdout, p.command.Stderr = &p.output, &p.output
	p.began = time.Now()
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() { p.done <- p.command.Wait() }()
	return p, nil
}

func (p *process) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		_ = p.command.Process.Kill()
		<-p.done
	}
}

// ended is an error if it runs no more.
func (p *process) ended() error {
	select {
	case err := <-p.done:
		p.done <- err
		return fmt.Errorf("it ended (%v):\n%s", err, p.output.Bytes())
	default:
		return nil
	}
}

// cpu is the time that its threads have run, those that have ended among them.
func (p *process) cpu() time.Duration {
	clock := int32(^p.command.Process.Pid<<3 | 2) // clock_getcpuclockid(3): all threads, by the scheduler
	var at unix.Timespec
	if err := unix.ClockGettime(clock, &at); err != nil {
		return 0
	}
	return time.Duration(at.Nano())
}

// resident is VmRSS, in MiB.
func (p *process) resident() float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024
		}
	}
	return 0
}
