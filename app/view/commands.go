package view

// Action is something that a person can do in the window, and the command that does the same.
type Action struct {
	// In is the page or menu where it is done; the last ones have a command only.
	In, Does string
	// Command is what to type; "" where there is nothing for a command to do, which Why explains.
	Command, Why string
	// Calls are the methods of engine.Controller that it needs.
	Calls []string
}

// Actions are all, in the order in which a person meets them. Tests compare them with what the engine can be asked, with
// the command line, and with the table in README.md.
var Actions = []Action{
	{In: "Home", Does: "Register with a key", Command: "dmgcmd register KEY", Calls: []string{"Register"}},
	{In: "Home", Does: "Try it here", Command: "dmgcmd demo", Calls: []string{"TryIt"}},
	{In: "Home", Does: "State, reason, remedy, warnings", Command: "dmgcmd status", Calls: []string{"Status", "Subscribe"}},
	{In: "Home", Does: "Start", Command: "dmgcmd start", Calls: []string{"Start"}},
	{In: "Home", Does: "Stop", Command: "dmgcmd stop", Calls: []string{"Stop"}},
	{In: "Home", Does: "Running jobs and history", Command: "dmgcmd jobs --follow", Calls: []string{"Jobs"}},
	{In: "Home", Does: "Details of a job", Command: "dmgcmd jobs show ID", Calls: []string{"Job"}},
	{In: "Home", Does: "Log of a job", Command: "dmgcmd jobs show ID --log"},
	{In: "Home", Does: "Cancel a job", Command: "dmgcmd jobs cancel ID", Calls: []string{"Cancel"}},
	{In: "Home", Does: "Run a job again", Command: "dmgcmd jobs retry ID"},
	{In: "Home", Does: "Check for updates", Command: "dmgcmd update check", Calls: []string{"CheckUpdate"}},
	{In: "Home", Does: "Update now", Command: "dmgcmd update install", Calls: []string{"InstallUpdate"}},
	{In: "Home", Does: "What is new", Command: "dmgcmd update status"},
	{In: "Home", Does: "Put away what is new", Why: "the command line shows it without keeping it in view", Calls: []string{"DismissUpdate"}},
	{In: "Settings", Does: "See all settings", Command: "dmgcmd settings", Calls: []string{"Settings"}},
	{In: "Settings", Does: "Change a setting", Command: "dmgcmd settings NAME VALUE", Calls: []string{"SetSetting"}},
	{In: "Settings", Does: "Language, theme, notifications", Command: "dmgcmd settings language de"},
	{In: "Settings", Does: "Update by itself or not", Command: "dmgcmd update auto off"},
	{In: "Settings", Does: "Time of day of updates", Command: "dmgcmd update schedule 03:00"},
	{In: "Settings", Does: "Start at login", Why: "a server's service starts with the machine and shows nothing"},
	{In: "Settings", Does: "Certificate", Command: "dmgcmd certificate show", Calls: []string{"Certificate"}},
	{In: "Settings", Does: "New certificate", Command: "dmgcmd certificate new", Calls: []string{"NewCertificate"}},
	{In: "Settings", Does: "Import a certificate", Command: "dmgcmd certificate import FILE.pfx", Calls: []string{"ImportCertificate"}},
	{In: "Settings", Does: "Export the certificate", Command: "dmgcmd certificate export FILE.pfx", Calls: []string{"ExportCertificate"}},
	{In: "Settings", Does: "Which credentials have to be set again", Command: "dmgcmd certificate check", Calls: []string{"CheckCertificate"}},
	{In: "Settings", Does: "Remove a former certificate", Command: "dmgcmd certificate forget THUMBPRINT", Calls: []string{"ForgetCertificate"}},
	{In: "Settings", Does: "Page for credentials: state and address", Command: "dmgcmd endpoint", Calls: []string{"Endpoint"}},
	{In: "Settings", Does: "Pairing code", Command: "dmgcmd endpoint code", Calls: []string{"PairingCode"}},
	{In: "Settings", Does: "The page's certificate", Command: "dmgcmd endpoint certificate import FILE.pfx", Calls: []string{"SetEndpointCertificate"}},
	{In: "Settings", Does: "Linked services of this gateway", Command: "dmgcmd credential list", Calls: []string{"CredentialTargets"}},
	{In: "Settings", Does: "Set a credential", Command: "dmgcmd credential set NAME", Calls: []string{"SetCredential", "TestCredential"}},
	{In: "Settings", Does: "Proxy", Command: "dmgcmd proxy", Calls: []string{"Proxy"}},
	{In: "Settings", Does: "Change the proxy", Command: "dmgcmd proxy set URL", Calls: []string{"SetProxy"}},
	{In: "Settings", Does: "Test the proxy", Command: "dmgcmd proxy test", Calls: []string{"TestProxy"}},
	{In: "Settings", Does: "Unregister", Command: "dmgcmd unregister", Calls: []string{"Unregister"}},
	{In: "Diagnostics", Does: "Log", Command: "dmgcmd logs --follow"},
	{In: "Diagnostics", Does: "Verbose logging", Command: "dmgcmd settings verbose true"},
	{In: "Diagnostics", Does: "Test a connection", Command: "dmgcmd test-connection FILE"},
	{In: "Diagnostics", Does: "Check the network", Command: "dmgcmd network check", Calls: []string{"CheckNetwork"}},
	{In: "Diagnostics", Does: "Send logs", Command: "dmgcmd logs send", Calls: []string{"SendLogs"}},
	{In: "Diagnostics", Does: "Archive logs", Command: "dmgcmd logs archive FILE.zip", Calls: []string{"ArchiveLogs"}},
	{In: "Diagnostics", Does: "See what would be sent", Command: "dmgcmd logs archive FILE.zip", Calls: []string{"LogContents", "LogPart"}},
	{In: "Help", Does: "Version and build", Command: "dmgcmd version"},
	{In: "Help", Does: "What an error code or event means", Command: "dmgcmd help CODE"},
	{In: "Tray", Does: "Open the window", Why: "a second start of the program does it"},
	{In: "Tray", Does: "Update now", Command: "dmgcmd update install"},
	{In: "Command line only", Does: "Finish running jobs, take no new ones", Command: "dmgcmd drain", Calls: []string{"Drain"}},
	{In: "Command line only", Does: "Protect the secrets with a passphrase", Command: "dmgcmd certificate protect", Calls: []string{"ProtectSecrets"}},
}
