package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dmgateway/engine/batch"
	"dmgateway/engine/factory"
	"dmgateway/engine/fault"
	"dmgateway/engine/store"
	"dmgateway/engine/store/memory"
)

// childDeadly is a folder in which the lives of a test's processes are counted: a child that has it dies of its own when
// it prepares the table "deadly".
const childDeadly = "DMG_TEST_ENGINE_DEADLY"

// together is in how many lives both jobs are there when the process dies: in the first they have planned, which counts
// as getting on, and then they are no suspects before the second.
const together = 1 + suspectAfter

func deadlyStores(dir string) (*store.Registry, error) {
	lives, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		return nil, err
	}
	life := len(lives) + 1
	if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(life)), nil, 0o600); err != nil {
		return nil, err
	}
	beside := make(chan struct{})
	server := memory.New()
	server.SetHooks(memory.Hooks{Prepare: func(table string) error {
		switch {
		case table == "deadly" && life > together:
			os.Exit(9)
		case table == "deadly":
			<-beside
			os.Exit(9)
		case life <= together:
			close(beside)
			select {} // until the process dies
		}
		return nil
	}})
	schema := batch.Schema{{Name: "id", Type: batch.Type{Kind: batch.Int64}}}
	server.Create("in", schema)
	b := batch.New(schema, 1)
	b.Cols[0].AppendInt(1)
	return store.NewRegistry(server.Definition()), server.Add("in", b)
}

// A job that the program does not survive fails after three deaths in which it got no further; one that was there each
// time, and one that comes later, are copied.
func TestAJobThatKillsTheProgramFailsAndTheOthersGoOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *factory.Options) { o.Lease = 5 * time.Minute })
	data, lives := filepath.Join(w.dir, "node"), t.TempDir()
	e := openEngine(t, data)
	if err := errors.Join(e.Register(t.Context(), w.gateway("gw"), "node", nil), e.SetSetting(t.Context(), SettingJobLimit, "4"), e.Close()); err != nil {
		t.Fatal(err)
	}
	w.pipeline("gw", 1)
	for _, table := range []string{"deadly", "good"} {
		w.put("datasets", table, `{"type":"MemoryTable","linkedServiceName":{"referenceName":"Mem","type":"LinkedServiceReference"},"typeProperties":{"tableName":"`+table+`"}}`)
		w.put("pipelines", table, `{"activities":[{"name":"c","type":"Copy","inputs":[{"referenceName":"in","type":"DatasetReference"}],
			"outputs":[{"referenceName":"`+table+`","type":"DatasetReference"}],"typeProperties":{"source":{"type":"MemorySource"},"sink":{"type":"MemorySink","tableOption":"autoCreate"}}}]}`)
	}
	deadly, _ := w.run("deadly")
	good, _ := w.run("good")
	for range together + 1 {
		c := child(t, data, childDeadly+"="+lives)
		select {
		case <-c.gone:
		case <-time.After(soon):
			t.Fatal("the program lives on")
		}
	}
	child(t, data, childDeadly+"="+lives)
	d := w.wait(deadly)
	if a := d.Activities[0]; d.Status != Failed || a.Error.ErrorCode != fault.ProgramEnded || !strings.Contains(a.Error.Message, "ended 3 times") {
		t.Errorf("the deadly job: %+v", d)
	}
	later, _ := w.run("good")
	for name, run := range map[string]string{"the one beside it": good, "a later one": later} {
		if d := w.wait(run); d.Status != Succeeded {
			t.Errorf("%s: %+v", name, d)
		}
	}
}
