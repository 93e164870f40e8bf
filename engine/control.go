package engine

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/logging"
	"dmgateway/engine/supervise"
)

// The control socket speaks HTTP with JSON over a socket that only the data directory's owner can open: a Unix socket, on
// Windows a named pipe. Answers that come bit by bit are JSON values one after the other: [streamed].
const (
	// controlPlace is a file in the data directory that says where the socket is, where it is not in the data directory.
	controlPlace = "control.addr"
	// controlSocket is the Unix socket in the data directory. maxSocketPath is what every system takes: 104 bytes with the
	// final zero on macOS.
	controlSocket = "control.sock"
	maxSocketPath = 100
	maxRequest    = 1 << 20
)

// streamed is one value of an answer that comes bit by bit. Exactly one field is set; the last one is Done or Error.
type streamed struct {
	Step   *RegisterStep `json:"step,omitempty"`
	Event  *Event        `json:"event,omitempty"`
	Sample *Sample       `json:"sample,omitempty"`
	// Part is one value of an answer of a kind of its own, such as a check of the network.
	Part  json.RawMessage `json:"part,omitempty"`
	Done  bool            `json:"done,omitempty"`
	Error *ErrorInfo      `json:"error,omitempty"`
}

// registerRequest is the body of a registering; it never leaves the machine.
type registerRequest struct {
	Key  string `json:"key"`
	Node string `json:"node"`
}

type controlServer struct {
	server *http.Server
	remove []string // files to remove at the end
	// What a client opens and what it passes through.
	files, folders []string
	done           chan struct{}
}

// serveControl opens the control socket. The data directory is locked, so what is left of an earlier socket is stale.
func (e *Engine) serveControl() (*controlServer, error) {
	c := &controlServer{done: make(chan struct{})}
	listener, err := c.listen(e.data)
	if err != nil {
		return nil, err
	}
	c.server = &http.Server{Handler: e.controlRoutes(), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return e.background }}
	go func() {
		defer close(c.done)
		if err := supervise.Guard(func() error { return c.server.Serve(listener) }); !errors.Is(err, http.ErrServerClosed) {
			e.log.Error("the control socket broke", logging.Key, logging.ControlBroken, "error", err)
		}
	}()
	return c, nil
}

func removeOld(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func noControl(path string, err error) error {
	return fault.New(fault.Forbidden, "open the control socket").At(path).Because(err).
		Try("Check that the user running the program owns the data directory.")
}

// close ends the socket. Streams end with the engine's background context, which is over by now.
func (c *controlServer) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := c.server.Shutdown(ctx)
	if err != nil {
		err = c.server.Close()
	}
	<-c.done
	for _, path := range c.remove {
		_ = os.Remove(path) // the next start tidies up too
	}
	return err
}

// controlRoutes is the whole interface; the methods are those of Controller.
func (e *Engine) controlRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", answer(func(r *http.Request) (any, error) { return e.Status(r.Context()) }))
	mux.HandleFunc("POST /v1/start", act(func(r *http.Request) error { return e.Start(r.Context()) }))
	mux.HandleFunc("POST /v1/stop", act(func(r *http.Request) error { return e.Stop(r.Context()) }))
	mux.HandleFunc("POST /v1/drain", act(func(r *http.Request) error { return e.Drain(r.Context()) }))
	mux.HandleFunc("POST /v1/unregister", act(func(r *http.Request) error { return e.Unregister(r.Context()) }))
	mux.HandleFunc("POST /v1/show", act(func(r *http.Request) error { return e.Show(r.Context()) }))
	mux.HandleFunc("GET /v1/jobs", answer(func(r *http.Request) (any, error) {
		limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
		if err != nil {
			return nil, fault.New(fault.BadInput, "limit is not a number").At("limit")
		}
		return e.Jobs(r.Context(), limit)
	}))
	mux.HandleFunc("GET /v1/jobs/{id}", answer(func(r *http.Request) (any, error) { return e.Job(r.Context(), r.PathValue("id")) }))
	mux.HandleFunc("POST /v1/jobs/{id}/cancel", act(func(r *http.Request) error { return e.Cancel(r.Context(), r.PathValue("id")) }))
	mux.HandleFunc("POST /v1/jobs/{id}/retry", act(func(r *http.Request) error { return e.Retry(r.Context(), r.PathValue("id")) }))
	mux.HandleFunc("GET /v1/settings", answer(func(r *http.Request) (any, error) { return e.Settings(r.Context()) }))
	mux.HandleFunc("PUT /v1/settings/{name}", act(func(r *http.Request) error {
		var value string
		if err := readRequest(r, &value); err != nil {
			return err
		}
		return e.SetSetting(r.Context(), r.PathValue("name"), value)
	}))
	mux.HandleFunc("POST /v1/register", stream(func(r *http.Request, send func(streamed)) error {
		var in registerRequest
		if err := readRequest(r, &in); err != nil {
			return err
		}
		return e.Register(r.Context(), in.Key, in.Node, func(s RegisterStep) { send(streamed{Step: &s}) })
	}))
	mux.HandleFunc("POST /v1/tryit", stream(func(r *http.Request, send func(streamed)) error {
		sample, err := e.TryIt(r.Context(), func(s RegisterStep) { send(streamed{Step: &s}) })
		if err == nil {
			send(streamed{Sample: &sample})
		}
		return err
	}))
	mux.HandleFunc("GET /v1/events", stream(func(r *http.Request, send func(streamed)) error {
		events, err := e.Subscribe(r.Context())
		if err != nil {
			return err
		}
		for ev := range events {
			send(streamed{Event: &ev})
		}
		return nil
	}))
	e.certificateRoutes(mux)
	e.logsRoutes(mux)
	e.networkRoutes(mux)
	e.endpointRoutes(mux)
	e.updateRoutes(mux)
	return mux
}

func readRequest(r *http.Request, into any) error {
	err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxRequest)).Decode(into)
	if err != nil {
		return fault.New(fault.BadInput, "the request cannot be read").Because(err)
	}
	return nil
}

func answer(do func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		value, err := do(r)
		status := http.StatusOK
		if err != nil {
			info := ErrorOf(err)
			value, status = streamed{Error: &info}, http.StatusInternalServerError
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(value) // whoever asked is gone then
	}
}

func act(do func(*http.Request) error) http.HandlerFunc {
	return answer(func(r *http.Request) (any, error) { return struct{}{}, do(r) })
}

func stream(do func(*http.Request, func(streamed)) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		encoder, flusher := json.NewEncoder(w), http.NewResponseController(w)
		send := func(s streamed) {
			_ = encoder.Encode(s) // whoever asked is gone then, and the request's context over
			_ = flusher.Flush()
		}
		last := streamed{Done: true}
		if err := do(r, send); err != nil {
			info := ErrorOf(err)
			last = streamed{Error: &info}
		}
		send(last)
	}
}
