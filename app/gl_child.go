package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// probeInChild finds out in a child process whether a window can be drawn here: nil, or why not.
func probeInChild() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program itself: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "-probe-gl") //nolint:gosec // G204: it is this program
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return errors.New("the graphics driver does not answer")
	}
	if text := strings.TrimSpace(string(out)); text != "" && len(text) < 400 {
		return errors.New(text)
	}
	return fmt.Errorf("the graphics driver failed: %w", err)
}
