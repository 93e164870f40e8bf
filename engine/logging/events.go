package logging

import (
	"log/slog"
	"slices"
	"strconv"
)

// Event is the stable number of a kind of line. It never changes once released: people search for it, and monitors of the
// operating system's log alert on it. The Windows Event Log can describe numbers from 1 to 1000 only.
type Event int

// Key is the attribute that carries an event: log.Info("…", logging.Key, logging.Starting).
const Key = "event"

// The events: certificates from 40, the credentials endpoint from 50, proxies and network from 60, updates from 80, the
// factory from 500, the built-in Service Bus from 600.
const (
	Starting      Event = 1
	Closing       Event = 2
	StateChanged  Event = 3
	SettingSet    Event = 4
	CrashFound    Event = 5
	LinesLost     Event = 6
	ControlBroken Event = 7
	Notable       Event = 8

	DefectContained Event = 9

	ReportSent     Event = 25 // the number that the gateway of 2016 had for it
	ReportNotSent  Event = 26
	LogsArchived   Event = 27
	Registered     Event = 30
	RegisterFailed Event = 31
	Unregistered   Event = 32
	Revoked        Event = 33
	FactoryNotTold Event = 34

	CertificateChanged  Event = 40
	CertificateExported Event = 41
	CertificateRemoved  Event = 42
	ProtectionChanged   Event = 43
	CertificateNotTold  Event = 44
	CertificateNotTaken Event = 45
	SecretsGone         Event = 46

	EndpointOn          Event = 50
	EndpointFailed      Event = 51
	EndpointCertificate Event = 52
	PairingCodeMade     Event = 53
	PairingRefused      Event = 54
	EndpointEntered     Event = 55
	CredentialTested    Event = 56
	CredentialSealed    Event = 57
	EndpointBroken      Event = 58

	NetworkChecked Event = 60
	ProxyUnread    Event = 61
	ProxyChanged   Event = 62

	UpdateOffered      Event = 80
	UpdateInstalling   Event = 81
	UpdateDone         Event = 82
	UpdateRolledBack   Event = 83
	UpdateNotInstalled Event = 84
	FeedFailed         Event = 85
	ProgramRefused     Event = 86

	JobTaken           Event = 100
	JobEnded           Event = 101
	JobPaused          Event = 102
	LeaseAwaited       Event = 103
	LeasesUnanswered   Event = 104
	JobPanicked        Event = 105
	EndNotWritten      Event = 106
	CheckpointNotSent  Event = 107
	DiedWithJob        Event = 108
	ComponentRestarted Event = 207
	SelfCheck          Event = 300
	QueueUnreachable   Event = 401 // as in 2016
	QueueConnected     Event = 402
	MessageRefused     Event = 403
	JobRepeated        Event = 404
	LockLost           Event = 405
	ResultShortened    Event = 406
	NodeRegistered     Event = 500
	NodeUnregistered   Event = 501
	KeyRecreated       Event = 502
	GatewayRemoved     Event = 503
	BusNotReady        Event = 504
	SweepFailed        Event = 505
	JobLost            Event = 506
	DeadLettersUnread  Event = 507
	WatermarkDropped   Event = 508
	SendingFailed      Event = 509
	RequestFailed      Event = 510
	RunQueuedAgain     Event = 511
	StatusUnread       Event = 512
	NodeEventRefused   Event = 513
	NodeEventForeign   Event = 514
	ResultDropped      Event = 515
	RunReported        Event = 516
	ServerCertificate  Event = 517
	ReportReceived     Event = 518
	ReportRemoved      Event = 519
	CredentialRefused  Event = 520
	CredentialSet      Event = 521
	CredentialLink     Event = 522
	NodeCertificate    Event = 523
	BusMessageNotGiven Event = 600
	BusFileFailed      Event = 601
	BusTokenRefused    Event = 602
	BusFull            Event = 603
)

// Kind describes an event for people.
type Kind struct {
	Event Event      `json:"id"`
	Name  string     `json:"name"` // short, stable
	Level slog.Level `json:"level"`
	Text  string     `json:"text"` // what has happened
	Do    string     `json:"do,omitempty"`
}

// Anchor is where the event stands on the page of help.
func (k Kind) Anchor() string { return "event-" + strconv.Itoa(int(k.Event)) }

const (
	info = slog.LevelInfo
	warn = slog.LevelWarn
	bad  = slog.LevelError
)

// Kinds are all events in the order of their numbers.
func Kinds() []Kind { return slices.Clone(kinds) }

// KindOf finds an event's description.
func KindOf(e Event) (Kind, bool) {
	i, found := slices.BinarySearchFunc(kinds, e, func(k Kind, e Event) int { return int(k.Event - e) })
	if !found {
		return Kind{}, false
	}
	return kinds[i], true
}

var kinds = []Kind{
	{Starting, "Starting", info, "The engine starts. The line names its version and its data directory.", ""},
	{Closing, "Closing", info, "The engine ends because the program was closed or a signal came. Running jobs go on from their last checkpoint at the next start.", ""},
	{StateChanged, "State changed", info, "The gateway's state is another one, for instance Connected instead of Connecting; the reason stands beside it.", "Where the state is Disconnected or Limited, do what Home and `dmgcmd status` say."},
	{SettingSet, "Setting changed", info, "A person changed a setting, in the window or by dmgcmd.", ""},
	{CrashFound, "Crash found", bad, "The program crashed the last time it ran. What it said is in the file that the line names, beside the log.", "Send the logs, which hold that file. The gateway goes on with its jobs by itself."},
	{LinesLost, "Lines lost", warn, "Lines of the log could not be written, mostly because the disk was full. The line says how many.", "Make room on the disk of the data directory."},
	{ControlBroken, "Control socket broken", bad, "The socket by which dmgcmd and a second window reach the engine has ended. Jobs are not affected.", "Restart the program. If it comes back, check that nothing removes files from the data directory."},
	{Notable, "Notice", warn, "Something that a person should know of, in the line's own words.", "Read the line; it names what it is about."},
	{DefectContained, "Defect contained", bad, "A defect of the program stopped one small part of it; the line has the place. Everything else goes on.", "Send the logs."},
	{ReportSent, "Report sent", info, "Send logs has handed a report over to the data factory. The line has its report ID.", "Give the report ID to whoever helps you."},
	{ReportNotSent, "Report not sent", warn, "A report could not be sent to the data factory yet, or was refused.", "Check the connection with `dmgcmd network check`, or use Archive logs and hand the file over another way."},
	{LogsArchived, "Logs archived", info, "Archive logs has written a zip file; the line names it.", ""},
	{Registered, "Registered", info, "The gateway is registered with a data factory. The line names factory, gateway and node.", ""},
	{RegisterFailed, "Registering failed", bad, "The gateway key was not accepted, or the factory could not be reached; the line says why.", "Copy the key again from the factory's page, whole. If it was recreated since, use the new one. Check that the factory's address can be reached from this machine."},
	{Unregistered, "Unregistered", info, "A person made the gateway forget its registration.", "Register it again to take jobs."},
	{Revoked, "Registration revoked", bad, "The data factory does not accept this gateway any more: its key was recreated, or the gateway was removed.", "Register again with the gateway's present key."},
	{FactoryNotTold, "Factory not told", warn, "The gateway was unregistered here while the factory could not be reached; there the node stays listed.", "Remove the node on the factory's page."},
	{CertificateChanged, "Certificate changed", info, "The gateway has another certificate. Credentials sealed for the former one open as long as that is kept.", "Set the credentials again that `dmgcmd certificate show` lists, and back the new certificate up."},
	{CertificateExported, "Certificate exported", info, "A person exported the gateway's certificate with its private key.", "If nobody of yours did so, make a new certificate."},
	{CertificateRemoved, "Former certificate removed", info, "A former certificate was removed; credentials sealed for it open no more.", ""},
	{ProtectionChanged, "Protection changed", info, "What protects the gateway's secrets was changed: the system's key store, a passphrase or a file.", ""},
	{CertificateNotTold, "Certificate not told", warn, "The factory could not be asked which credentials are sealed for the gateway's certificate.", "Check the connection to the factory."},
	{CertificateNotTaken, "Certificate not taken", warn, "The factory does not take the gateway's changed certificate.", "Register the gateway again."},
	{SecretsGone, "Secrets gone", bad, "The vault of a gateway that was set up is not there: certificate, registration and passwords are missing.", "Put vault.json back from a backup before anything is set anew; else register again, and import the certificate."},
	{EndpointOn, "Credentials endpoint on", info, "The page at which credentials are set is served; the line names its address.", ""},
	{EndpointFailed, "Credentials endpoint failed", warn, "The page at which credentials are set cannot be served: mostly another program has its port. Jobs are not affected, and the gateway tries again by itself.", "Do what the Settings page and `dmgcmd endpoint status` say, for instance choose another port."},
	{EndpointCertificate, "Endpoint's certificate", info, "The credentials endpoint shows another TLS certificate from now on.", ""},
	{PairingCodeMade, "Pairing code made", info, "A person at the gateway made a code that lets one browser or script in to set credentials.", "If nobody of yours did so, find out who controls the gateway on this machine."},
	{PairingRefused, "Pairing refused", warn, "A wrong or old pairing code was entered, or a link of the factory that is not valid, from the address in the line.", "Once or twice is a typing error. If it goes on, find that machine, or let the endpoint serve this machine only: `dmgcmd settings endpointaddress localhost`."},
	{EndpointEntered, "Somebody came in", info, "A browser or script was let in to set credentials, from the address in the line.", ""},
	{CredentialTested, "Credential tested", info, "A connection was tested with a credential that is not set yet.", ""},
	{CredentialSealed, "Credential set", info, "A credential was sealed for this gateway and put into a linked service at the data factory.", "If nobody of yours did so, change the password at the store."},
	{EndpointBroken, "Credentials endpoint broke", bad, "A request to the credentials endpoint failed for a reason inside the gateway.", "Send the logs."},
	{NetworkChecked, "Network checked", info, "A person had the network checked. The line has the verdict.", "`dmgcmd network check` shows each step with its remedy."},
	{ProxyUnread, "Proxy settings unread", warn, "The gateway's own proxy settings cannot be read from its vault; it uses the system's.", "Set the proxy again on the Settings page or with `dmgcmd proxy set URL`."},
	{ProxyChanged, "Proxy changed", info, "A person changed the proxy settings. They are in effect at once.", ""},
	{UpdateOffered, "Update offered", info, "The feed of updates has a newer version of the program. The line says which, and when it installs itself.", "`dmgcmd update install` installs it at once, `dmgcmd update auto off` leaves it until a person does."},
	{UpdateInstalling, "Update begins", info, "A newer version is downloaded and checked. The program takes no new jobs, waits for those that run, and starts with it.", ""},
	{UpdateDone, "Updated", info, "The newer version has proved itself: it started, its control socket answers, and it is connected where the version before was. It takes jobs from now on.", ""},
	{UpdateRolledBack, "Update undone", bad, "The newer version did not start, ended, hung or was not connected in time. What it changed is as it was before, and the version before runs again. The line says why.", "Send the logs. That version is not tried again by itself, unless only the connection was missing; `dmgcmd update install` tries it again, a later one installs itself as usual."},
	{UpdateNotInstalled, "Update not installed", bad, "A newer version could not be downloaded, unpacked or put on trial; the line says why. The present version goes on.", "Do what the line says. It is tried again the next day, or at once by `dmgcmd update install`."},
	{FeedFailed, "Updates not looked for", warn, "The feed of updates could not be reached, or what it says is not believed. The program itself is not affected.", "Where it could not be reached, `dmgcmd network check` shows the way out. Where it is not believed, check this machine's clock; if that is right, tell whoever runs the feed."},
	{ProgramRefused, "Kept program refused", warn, "A newer version lies in the data directory, but was not run, because it is damaged or somebody else could have changed it. The installed version runs.", "Let the data directory belong to the user that runs the gateway, and nobody else write there. Then install the update again."},
	{JobTaken, "Job taken", info, "The gateway took a job from the queue. The line has run, attempt and pipeline, and how long the job waited.", ""},
	{JobEnded, "Job ended", info, "A job has ended. Its status is Succeeded, Failed or Cancelled; a failed one has its error in the line.", "For a failed job look up the error's code, and the job's own log: `dmgcmd jobs show ID --log`."},
	{JobPaused, "Job paused", warn, "The factory could not be reached for as long as a job may run without it, so the job waits. It goes on from its last checkpoint.", "Check the connection to the factory: `dmgcmd network check`."},
	{LeaseAwaited, "Waiting for a lease", info, "Before a job begins, the factory is asked whether it still belongs to this node; it has not answered yet.", "Check the connection to the factory if this goes on."},
	{LeasesUnanswered, "Leases unanswered", warn, "The factory cannot be asked whether running jobs still belong to this node. They pause if it lasts.", "Check the connection to the factory: `dmgcmd network check`."},
	{JobPanicked, "Defect in a job", bad, "A defect of the program stopped a job. The line has the place; other jobs go on.", "Send the logs."},
	{EndNotWritten, "End of a job not written", bad, "The end of a job could not be written into the journal, and is tried again until it can be.", "Make room on the disk of the data directory, and check that its owner may write there."},
	{CheckpointNotSent, "Checkpoint not sent", info, "How far a job is could not be told to the factory. The next checkpoint replaces it.", ""},
	{DiedWithJob, "Ended while a job ran", warn, "The program ended without being told to while the job ran: it crashed, was killed, or the machine's memory was used up. A job that was there twice without getting on is started alone; at the third time it fails, and the others go on.", "Look for the reason in the lines before, and in the operating system's log. Give the machine more memory or let the job copy less at once."},
	{ComponentRestarted, "Component restarted", bad, "A component of Data Management Gateway has become unresponsive or failed, and is restarted by itself. Jobs go on.", "If it comes back, send the logs."},
	{SelfCheck, "Self-check", warn, "The gateway found something that will hurt if nobody sees to it: a disk nearly full, a clock that is off, a certificate that expires, folder rights lost, sleep enabled.", "Do what the line says; Home shows the same."},
	{QueueUnreachable, "Queue unreachable", warn, "The queue cannot be reached, or the connection to it broke. The gateway tries again by itself, for ever, with growing pauses.", "If it stays so: check that outbound connections to the queue's host are open on port 5671 or 443, and the proxy. `dmgcmd network check` shows each step."},
	{QueueConnected, "Queue connected", info, "The gateway is connected to its queue. The line says over which port and whether through a proxy.", ""},
	{MessageRefused, "Message refused", bad, "A message of the queue was not understood, not signed by the factory, for another gateway or too old. It was put aside, with the reason.", "If the reason is SignatureInvalid, somebody else can write to the queue: change the queue's keys at the factory."},
	{JobRepeated, "Job repeated", info, "The queue delivered a job twice. It is not run twice.", ""},
	{LockLost, "Lock lost", info, "A message was handled later than the queue waits. It comes again, and is recognised.", ""},
	{ResultShortened, "Result shortened", warn, "A result was larger than a message may be, and was sent without its lists of files and warnings.", "The gateway's own job page has them whole."},
	{NodeRegistered, "Node registered", info, "At the factory: a node has registered with a gateway's key.", "If nobody of yours did so, recreate the key."},
	{NodeUnregistered, "Node unregistered", info, "At the factory: a node has said that it is gone.", ""},
	{KeyRecreated, "Key recreated", warn, "At the factory: a gateway got a new key, and its nodes stopped working.", "Register the nodes again with the new key."},
	{GatewayRemoved, "Gateway removed", warn, "At the factory: a gateway and its nodes were removed.", ""},
	{BusNotReady, "Service Bus not ready", bad, "At the factory: queues or rules of the Service Bus are not as they should be. It is tried again.", "Check the connection string given to the factory, and that its rule may manage the namespace."},
	{SweepFailed, "Sweep failed", bad, "At the factory: looking after runs failed, mostly because the disk is full.", "Make room on the disk of the factory's data directory."},
	{JobLost, "Job lost", warn, "At the factory: a node was not heard of for the whole lease of a job. The job is queued again.", "Look at the node: it may be off, asleep or cut off."},
	{DeadLettersUnread, "Rejected jobs unread", warn, "At the factory: the queue's rejected messages could not be read. It is tried again.", "Check the connection to the Service Bus."},
	{WatermarkDropped, "Watermark dropped", warn, "At the factory: a node sent how far an incremental copy is, and it could not be kept because it is too long.", "Use a shorter column as watermark."},
	{SendingFailed, "Queueing failed", warn, "At the factory: jobs could not be put into a queue. It is tried again.", "Check the connection to the Service Bus."},
	{RequestFailed, "Request failed", bad, "At the factory: answering a request failed inside.", "If it comes back, look at the error in the line: mostly the disk is full."},
	{RunQueuedAgain, "Run queued again", info, "At the factory: a person at a gateway asked for a failed run to be tried again.", ""},
	{StatusUnread, "Status events unread", warn, "At the factory: the queue in which gateways report was cut off. It is tried again.", "Check the connection to the Service Bus."},
	{NodeEventRefused, "Node's event refused", warn, "At the factory: a report that no registered node has signed was refused.", "If it comes back, recreate the key of the gateway that the line names."},
	{NodeEventForeign, "Foreign event", warn, "At the factory: a node reported about a run that its gateway does not have. It was dropped.", ""},
	{ResultDropped, "Result dropped", info, "At the factory: a late result of an attempt that does not count any more was dropped.", ""},
	{RunReported, "Run reported", info, "At the factory: a node has reported the result of an attempt.", ""},
	{ServerCertificate, "Server certificate not renewed", bad, "At the factory: its own server certificate could not be renewed.", "Check that the factory's folder can be written; until then the present certificate serves."},
	{ReportReceived, "Report received", info, "At the factory: a gateway has sent its logs. The line has the report ID.", "`dmgcmd factory reports ID --save FILE` saves it."},
	{ReportRemoved, "Report removed", info, "At the factory: an old report was removed, because there are too many or they take too much room.", ""},
	{CredentialRefused, "Credential refused", warn, "At the factory: a node wanted to set a credential that it may not set. It was refused.", "If nobody of yours did so, look at the node that the line names."},
	{CredentialSet, "Credential taken", info, "At the factory: a credential was set through a gateway's endpoint. The factory cannot open it.", ""},
	{CredentialLink, "Credential link made", info, "At the factory: a link for setting a credential at a gateway was made.", ""},
	{NodeCertificate, "Node's certificate changed", info, "At the factory: a node has another certificate.", "If nobody of yours did so, look at the node."},
	{BusMessageNotGiven, "Message not given back", bad, "In the built-in Service Bus: a message could not be made available again at once. It comes when its lock ends.", ""},
	{BusFileFailed, "Bus file failed", bad, "In the built-in Service Bus: its file could not be written.", "Make room on the disk of the factory's data directory."},
	{BusTokenRefused, "Token refused", warn, "In the built-in Service Bus: a client's token was refused; the line says why.", "A gateway whose key was recreated asks in vain until it is registered again."},
	{BusFull, "Bus full", warn, "In the built-in Service Bus: a connection was refused because too many are open.", "Look for clients that connect again and again; past thousands of gateways use an Azure Service Bus namespace."},
}
