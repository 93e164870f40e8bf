package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"dmgateway/engine/credential"
	"dmgateway/engine/factory/client"
	"dmgateway/engine/fault"
	"dmgateway/engine/sampledata"
)

// The sample's place in a data directory, and its names at the factory.
const (
	sampleFolder   = "sample"
	sampleResults  = "result"
	sampleDatabase = "shop.db"
	sampleGateway  = "this-computer"
	sampleRows     = 100_000
)

// samplePipelines are the sample's two pipelines with the files that they write.
var samplePipelines = []struct{ name, dataset, file string }{
	{"Orders to Parquet", "OrdersParquet", "orders.parquet"},
	{"Orders to CSV", "OrdersText", "orders.csv"},
}

// TryIt starts the built-in factory, makes a gateway there, registers with it, applies the sample and runs its
// pipelines, the way that every job goes. Repeated, it runs them again.
func (e *Engine) TryIt(ctx context.Context, progress func(RegisterStep)) (Sample, error) {
	return e.trySample(ctx, filepath.Join(e.data, sampleFolder, sampleResults), sampleRows, progress)
}

func (e *Engine) trySample(ctx context.Context, results string, rows int64, progress func(RegisterStep)) (Sample, error) {
	if progress == nil {
		progress = func(RegisterStep) {}
	}
	progress(RegisterStep{"factory", "Starting the built-in factory"})
	if err := e.startBuiltIn(ctx); err != nil {
		return Sample{}, err
	}
	ready := e.builtInNow().ready
	factory, err := client.New(ready.URL, ready.Token, ready.CA)
	if err != nil {
		return Sample{}, err
	}
	if err := e.registerSample(ctx, factory, progress); err != nil {
		return Sample{}, err
	}
	progress(RegisterStep{"sample", fmt.Sprintf("Making a sample database of %d rows", rows)})
	source := filepath.Join(e.data, sampleFolder, "source")
	for _, dir := range []string{source, results} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return Sample{}, fault.New(fault.Forbidden, "make the sample's folder").At(dir).Because(err)
		}
	}
	if err := e.allowSample(ctx, source, results); err != nil {
		return Sample{}, err
	}
	database := filepath.Join(source, sampleDatabase)
	if err := sampledata.Write(ctx, database, rows); err != nil {
		return Sample{}, err
	}
	progress(RegisterStep{"credential", "Sealing the sample's credential for this gateway alone"})
	folder, err := e.writeSample(database, results)
	if err != nil {
		return Sample{}, err
	}
	progress(RegisterStep{"apply", "Giving linked services, datasets and pipelines to the factory"})
	if _, err := factory.Apply(ctx, folder); err != nil {
		return Sample{}, err
	}
	progress(RegisterStep{"run", "Starting the pipelines"})
	return startSample(ctx, factory, results)
}

// registerSample registers with the built-in factory, unless that is done already.
func (e *Engine) registerSample(ctx context.Context, factory *client.Client, progress func(RegisterStep)) error {
	s := e.status()
	if s.BuiltIn && s.State != NeedRegistration {
		return e.Start(ctx)
	}
	progress(RegisterStep{"gateway", "Making a gateway and its key"})
	key, err := factory.Key(ctx, sampleGateway)
	if fault.Is(err, fault.NotFound) {
		key, err = factory.NewGateway(ctx, sampleGateway, "This computer")
	}
	if err != nil {
		return err
	}
	return e.Register(ctx, key, "", progress)
}

// writeSample writes the sample's Data Factory JSON into the data directory and gives its folder. The database's
// connection string is sealed as a password would be.
func (e *Engine) writeSample(database, results string) (string, error) {
	folder := filepath.Join(e.data, sampleFolder, "definition")
	for name, text := range sampleDefinition(database, results) {
		if strings.HasPrefix(name, "linkedService") {
			sealed, err := credential.Seal(text, e.certificate().Leaf)
			if err != nil {
				return "", err
			}
			text = sealed
		}
		path := filepath.Join(folder, name+".json")
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text, 0o600)); err != nil {
			return "", fault.New(fault.Forbidden, "write the sample's definition").At(path).Because(err)
		}
	}
	return folder, nil
}

// sampleDefinition is the sample as Data Factory JSON, by file name without extension.
func sampleDefinition(database, results string) map[string][]byte {
	type object = map[string]any
	via := object{"referenceName": sampleGateway, "type": "IntegrationRuntimeReference"}
	service := func(name string) object { return object{"referenceName": name, "type": "LinkedServiceReference"} }
	dataset := func(name string) []object {
		return []object{{"referenceName": name, "type": "DatasetReference"}}
	}
	at := func(file string) object { return object{"type": "FileServerLocation", "fileName": file} }
	files := map[string]object{
		"linkedService/Shop": {"name": "Shop", "properties": object{
			"type": "SQLite", "connectVia": via,
			"typeProperties": object{"connectionString": object{"type": "SecureString", "value": "Data Source=" + database}},
		}},
		"linkedService/Results": {"name": "Results", "properties": object{
			"type": "FileServer", "connectVia": via, "typeProperties": object{"host": results},
		}},
		"dataset/Orders": {"name": "Orders", "properties": object{
			"type": "SQLiteTable", "linkedServiceName": service("Shop"), "typeProperties": object{"tableName": sampledata.Table},
		}},
		"dataset/OrdersParquet": {"name": "OrdersParquet", "properties": object{
			"type": "Parquet", "linkedServiceName": service("Results"), "typeProperties": object{"location": at("orders.parquet")},
		}},
		"dataset/OrdersText": {"name": "OrdersText", "properties": object{
			"type": "DelimitedText", "linkedServiceName": service("Results"),
			"typeProperties": object{"location": at("orders.csv"), "firstRowAsHeader": true, "quoteChar": `"`, "escapeChar": `"`},
		}},
	}
	for _, p := range samplePipelines {
		sink := object{"type": "ParquetSink", "storeSettings": object{"type": "FileServerWriteSettings"}}
		if p.dataset == "OrdersText" {
			sink["type"] = "DelimitedTextSink"
			sink["formatSettings"] = object{"type": "DelimitedTextWriteSettings", "fileExtension": ".csv"}
		}
		files["pipeline/"+p.dataset] = object{"name": p.name, "properties": object{"activities": []object{{
			"name": p.name, "type": "Copy", "inputs": dataset("Orders"), "outputs": dataset(p.dataset),
			"typeProperties": object{"source": object{"type": "SQLiteSource"}, "sink": sink},
		}}}}
	}
	texts := make(map[string][]byte, len(files))
	for name, f := range files {
		text, err := json.MarshalIndent(f, "", "  ")
		if err != nil {
			panic(err) // maps and texts always marshal
		}
		texts[name] = text
	}
	return texts
}

// startSample runs the pipelines and gives the activity runs, which are the jobs' IDs at the gateway.
func startSample(ctx context.Context, factory *client.Client, results string) (Sample, error) {
	s := Sample{Folder: results, Pipeline: samplePipelines[0].name}
	for _, p := range samplePipelines {
		run, err := factory.Run(ctx, p.name, nil)
		if err != nil {
			return s, err
		}
		details, err := factory.RunDetails(ctx, run)
		if err != nil {
			return s, err
		}
		for _, a := range details.Activities {
			s.Runs = append(s.Runs, a.ActivityRunID)
		}
	}
	if len(s.Runs) == 0 {
		return s, fault.New(fault.Internal, "the factory started no activity")
	}
	s.Run = s.Runs[0]
	return s, nil
}
