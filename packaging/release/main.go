// Command release makes what people install, into dist/: archives for every system, packages for Linux, the layout of the
// program for macOS, what is inside (SBOM), checksums and, with a key, their signature. The same commit gives the same
// bytes on any machine with the same Go and C compilers.
//
//	go run ./packaging/release -version 1.2.3
package main

import (
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var r release
	var systems string
	flag.StringVar(&r.version, "version", "", "version to build, as 1.2.3 or 1.2.3-rc.1; default what the tags of the commit say")
	flag.StringVar(&r.out, "out", "dist", "folder of the results")
	flag.StringVar(&systems, "systems", "linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64", "what to build for, separated by spaces")
	flag.BoolVar(&r.window, "window", true, "build the window too, where it can be built; without it no packages for Linux are made")
	flag.StringVar(&r.feedRoot, "feed-root", os.Getenv("FEED_ROOT"), "root.json of the update feed that this build trusts; without it the program cannot update itself")
	flag.StringVar(&r.key, "key", os.Getenv("SIGN_KEY"), "Ed25519 private key (PEM, PKCS #8) that signs the checksums")
	flag.BoolVar(&r.dirty, "dirty", false, "build also from a work tree with changes that are not committed")
	flag.BoolVar(&r.sumsOnly, "sums", false, "only write checksums and signature of what lies in -out")
	flag.Parse()
	r.systems = strings.Fields(systems)
	if err := r.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// release is one run of the command.
type release struct {
	version, out, feedRoot, key string
	systems                     []string
	window, dirty, sumsOnly     bool

	commit string
	at     time.Time // of the commit: the time of every file
	stage  string    // where files are laid out before they are packed
	tools  string    // where packaging/setup.sh has put the tools
}

// versions are those that the update feed can order: semantic versions.
var versions = regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

func (r *release) run(ctx context.Context) error {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	if r.sumsOnly {
		return r.sums()
	}
	steps := []struct {
		what string
		do   func(context.Context) error
	}{
		{"programs", r.build},
		{"papers", r.papers},
		{"archives", r.archives},
		{"packages", r.packages},
		{"macOS layout", r.bundles},
		{"container", r.container},
		{"what is inside", r.inside},
	}
	for _, s := range steps {
		fmt.Fprintln(os.Stderr, "release:", s.what)
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
	}
	return r.sums()
}

// prepare finds out what is built.
func (r *release) prepare(ctx context.Context) error {
	if r.version == "" {
		out, err := output(ctx, nil, "packaging/version.sh")
		if err != nil {
			return err
		}
		r.version = out
	}
	r.version = strings.TrimPrefix(r.version, "v")
	if !versions.MatchString(r.version) {
		return fmt.Errorf("the version %q is not of the form 1.2.3 or 1.2.3-rc.1", r.version)
	}
	changed, err := output(ctx, nil, "git", "status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" && !r.dirty && !r.sumsOnly {
		return errors.New("there are changes that are not committed, so nobody could build this again; commit them, or give -dirty to try something out")
	}
	if r.commit, err = output(ctx, nil, "git", "rev-parse", "--short=12", "HEAD"); err != nil {
		return err
	}
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		if epoch, err = output(ctx, nil, "git", "log", "-1", "--format=%ct"); err != nil {
			return err
		}
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	r.at = time.Unix(seconds, 0).UTC()
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	r.tools = filepath.Join(cache, "dmgateway", "bin")
	if dir := os.Getenv("DMG_CACHE"); dir != "" {
		r.tools = filepath.Join(dir, "bin")
	}
	r.stage = filepath.Join(r.out, "stage")
	if r.sumsOnly {
		return nil
	}
	return errors.Join(os.RemoveAll(r.stage), os.MkdirAll(r.stage, 0o755))
}

// stamp is what the linker writes into the programs.
func (r *release) stamp() (string, error) {
	flags := fmt.Sprintf("-s -w -X dmgateway/engine.version=%s -X dmgateway/engine.commit=%s", r.version, r.commit)
	if r.feedRoot == "" {
		return flags, nil
	}
	root, err := os.ReadFile(r.feedRoot)
	if err != nil {
		return "", err
	}
	return flags + " -X dmgateway/engine/update/feed.pinnedRoot=" + base64.StdEncoding.EncodeToString(root), nil
}

// file is the name of a result: dmgateway_1.2.3_SYSTEM_ARCHITECTURE.
func (r *release) file(system, end string) string {
	return filepath.Join(r.out, "dmgateway_"+r.version+"_"+strings.ReplaceAll(system, "/", "_")+end)
}

// output runs a command and gives what it prints.
func output(ctx context.Context, env []string, name string, args ...string) (string, error) {
	return outputIn(ctx, "", env, name, args...)
}

// outputIn is output with a folder to run in, "" = here.
func outputIn(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env, cmd.Stderr = dir, append(os.Environ(), env...), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", filepath.Base(name), args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}
