package factory

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/fault"
	"dmgateway/engine/protocol"
)

func someReport(size int) ([]byte, protocol.ReportBegin) {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	sum := sha256.Sum256(data)
	return data, protocol.ReportBegin{SHA256: hex.EncodeToString(sum[:]), Bytes: int64(size), Note: "copies \x1b stop\npassword=hid-den", Version: "1.0.0", Made: time.Now()}
}

func TestAReportArrivesInPartsWhateverComesBetween(t *testing.T) {
	h := newHouse(t)
	n, other := h.node("a"), h.node("b")
	data, begin := someReport(2*protocol.ReportChunk + 1000)
	ctx := t.Context()
	s, err := n.rest.BeginReport(ctx, begin)
	if err != nil || s.Done || s.Offset != 0 || s.ID == "" {
		t.Fatal(s, err)
	}
	put := func(offset, n2 int) protocol.ReportState {
		t.Helper()
		s, err := n.rest.SendReport(ctx, s.ID, int64(offset), data[offset:offset+n2])
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if got := put(0, 1000); got.Offset != 1000 {
		t.Errorf("after 1000 bytes at %d", got.Offset)
	}
	if got := put(500, 1000); got.Offset != 1000 {
		t.Errorf("a part that was there already: at %d", got.Offset)
	}
	if got := put(5000, 1000); got.Offset != 1000 {
		t.Errorf("a part too far: at %d", got.Offset)
	}
	if again, err := n.rest.BeginReport(ctx, begin); err != nil || again.ID != s.ID || again.Offset != 1000 {
		t.Errorf("begun again: %+v, %v", again, err)
	}
	if _, err := other.rest.SendReport(ctx, s.ID, 1000, data[1000:2000]); fault.Code(err) != fault.NotFound {
		t.Errorf("another node: %v", err)
	}
	if _, err := n.rest.SendReport(ctx, s.ID, 1000, make([]byte, protocol.ReportChunk+1)); fault.Code(err) != fault.BadInput {
		t.Errorf("a part too large: %v", err)
	}
	if list, err := h.Reports(ctx); err != nil || len(list) != 0 {
		t.Errorf("listed before it is there: %v, %v", list, err)
	}
	put(1000, protocol.ReportChunk)
	if got := put(1000+protocol.ReportChunk, protocol.ReportChunk); !got.Done {
		t.Errorf("not done: %+v", got)
	}
	if again, err := n.rest.BeginReport(ctx, begin); err != nil || !again.Done || again.ID != s.ID {
		t.Errorf("sent again: %+v, %v", again, err)
	}
	list, err := h.Reports(ctx)
	if err != nil || len(list) != 1 || list[0].Gateway != "plant" || list[0].Node != "a" || list[0].Note != "copies   stop password=******" {
		t.Fatalf("%+v, %v", list, err)
	}
	var saved bytes.Buffer
	if _, err := h.SaveReport(ctx, s.ID, &saved); err != nil || !bytes.Equal(saved.Bytes(), data) {
		t.Errorf("saved %d bytes, %v", saved.Len(), err)
	}
	if err := h.RemoveReport(ctx, s.ID); err != nil {
		t.Error(err)
	}
	if _, err := h.Report(ctx, s.ID); fault.Code(err) != fault.NotFound {
		t.Errorf("removed: %v", err)
	}
	if err := h.RemoveReport(ctx, s.ID); err != nil {
		t.Errorf("removed twice: %v", err)
	}
}

func TestReportsThatAreWrongAreRefused(t *testing.T) {
	h := newHouse(t)
	n := h.node("a")
	for name, edit := range map[string]func(*protocol.ReportBegin){
		"no hash":   func(b *protocol.ReportBegin) { b.SHA256 = "../../x" },
		"empty":     func(b *protocol.ReportBegin) { b.Bytes = 0 },
		"too large": func(b *protocol.ReportBegin) { b.Bytes = protocol.MaxReport + 1 },
	} {
		_, begin := someReport(10)
		edit(&begin)
		if _, err := n.rest.BeginReport(t.Context(), begin); fault.Code(err) != fault.BadInput {
			t.Errorf("%s: %v", name, err)
		}
	}
	data, begin := someReport(10)
	s, err := n.rest.BeginReport(t.Context(), begin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.rest.SendReport(t.Context(), s.ID, 0, append(data, 1)); fault.Code(err) != fault.BadInput {
		t.Errorf("longer than announced: %v", err)
	}
	data[3]++
	if _, err := n.rest.SendReport(t.Context(), s.ID, 0, data); fault.Code(err) != fault.BadData {
		t.Errorf("another content: %v", err)
	}
	if _, err := n.rest.SendReport(t.Context(), s.ID, 0, data); fault.Code(err) != fault.NotFound {
		t.Errorf("after it was dropped: %v", err)
	}
	if _, err := n.rest.SendReport(t.Context(), "../factory", 0, data); fault.Code(err) != fault.NotFound {
		t.Errorf("a path as ID: %v", err)
	}
	w := httptest.NewRecorder()
	h.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/reports/"+s.ID, nil))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("a stranger at the page: %d", w.Code)
	}
}

func TestOldReportsGiveWay(t *testing.T) {
	h := newHouse(t)
	n := h.node("a")
	var ids []string
	for range maxArriving + 2 { // on the way, not ended
		_, begin := someReport(10)
		s, err := n.rest.BeginReport(t.Context(), begin)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, s.ID)
	}
	for i, id := range ids {
		_, err := h.reportRow(t.Context(), id)
		if gone := fault.Is(err, fault.NotFound); gone != (i < 2) {
			t.Errorf("report %d on its way: %v", i, err)
		}
	}
	for i := range 3 {
		data, begin := someReport(10)
		s, err := n.rest.BeginReport(t.Context(), begin)
		if err == nil {
			_, err = n.rest.SendReport(t.Context(), s.ID, 0, data)
		}
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 { // as if it took all the room
			if _, err := h.db.ExecContext(t.Context(), "UPDATE reports SET bytes = ? WHERE id = ?", int64(maxReportsBytes), s.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	if list, err := h.Reports(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("%d are left, %v", len(list), err)
	}
	files, err := os.ReadDir(filepath.Join(h.o.Dir, reportsFolder))
	zips := 0
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".zip") {
			zips++
		}
	}
	if err != nil || zips != 2 {
		t.Errorf("%d files, %v", zips, err)
	}
}
