// Package engine is the gateway without a face: the one package that window and command line talk to.
//
// # The words
//
//   - factory: the cloud side; it holds gateways, linked services, datasets, pipelines and runs, and queues jobs.
//   - gateway: a logical gateway of a factory. node: one installation that registered with the gateway's key.
//   - job: one attempt of one Copy activity, signed by the factory; run: the activity run it belongs to, over all attempts.
//   - bundle: linked services, datasets and one Copy activity as Data Factory JSON: what a job copies.
//   - partition: a part of a job that is read, written, committed and retried as one.
//   - checkpoint: which partitions of a run are committed; attempt: one try of a run.
//   - lease: the right of a node to go on with an attempt, renewed by asking the factory.
//
// # The way of one job
//
//	data developer ──JSON──▶ factory ──signed job──▶ bus or Azure Service Bus ──▶ channel ──▶ journal ──▶ copy ──▶ sink
//	                           ▲                                                     │           (open credential,
//	                           └───────────── outbox: heartbeat, progress, result ◀──┘            read ▸ map ▸ write)
//
// # The rooms
//
//	fault         the one kind of error that reaches a person      secret        the type of passwords
//	props         Data Factory JSON with paths and refusals        report        progress and result of a copy
//	activity      Data Factory JSON to one typed copy job          batch         typed column batches, the one table of types
//	store, format the registries, one folder a store or format     copy          plan, read, map, write, resume
//	protocol      what factory and gateway say to each other       registration  the gateway key, registering
//	credential    certificate, sealing, the key store              channel       receive, settle, outbox, reconnect
//	journal       jobs taken, checkpoints, history, outbox         factory       the cloud side
//	bus           the built-in Service Bus                     sampledata    the sample that Try it here copies
//	endpoint      the page at which credentials are set            outbound      the one way out: proxies
//	logging       the log, its events, what is masked in it        help          a page for each event and error code
//	diagnostics   archive, network check, self-checks              supervise     restarts what panics or hangs
//	update        newer versions: the signed feed, keeping, trial  testserver    servers for tests
//
// Imports go one way: app → engine → the rooms. Stores and formats know neither each other nor copy; factory and bus know
// neither channel nor copy nor journal, so that the factory can run alone.
package engine
