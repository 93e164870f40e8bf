package main

// page is one dialog. Sizes and places are in installer units, 1/12 of the system font's height.
type page struct {
	name                 string
	width, height        int
	attributes           int
	first, enter, escape string // controls: where the keyboard is at first, and what the two keys press
	controls             []control
}

type control struct {
	name, kind          string
	x, y, width, height int
	attributes          int
	property, text      string
	events              []event // what it does when pressed, in order
	shown               []event // Show, Hide, Enable, Disable: when
	follows             []event // what of the installation it shows, and how
}

type event struct{ event, argument, when string }

// Attributes of dialogs and controls, as Windows Installer numbers them.
const (
	visible, enabled, sunken, indirect = 1, 2, 4, 8
	transparent, verbatim              = 1 << 16, 1 << 17
	modal, minimizes, errorDialog      = 2, 4, 1 << 16
	fixedDrives, remoteDrives          = 1 << 17, 1 << 18
	barOf95                            = 1 << 16
)

// stops tells whether the Tab key stops at it.
func (c control) stops() bool {
	switch c.kind {
	case "Text", "Line", "ProgressBar":
		return false
	}
	return true
}

func label(name string, y, height int, text string) control {
	return control{name: name, kind: "Text", x: 20, y: y, width: 330, height: height, attributes: visible | enabled | transparent, text: text}
}

func title(text string) control { return label("Title", 14, 20, `{\Title}`+text) }

func box(name string, y int, property, text string) control {
	return control{name: name, kind: "CheckBox", x: 20, y: y, width: 330, height: 14, attributes: visible | enabled, property: property, text: text}
}

// everybody is seen only where the program is installed for everybody.
func everybody(c control) control {
	c.shown = []event{{"Hide", "", "NOT ALLUSERS"}}
	return c
}

// button is the nth button of a page's foot, counted from the right.
func button(name string, n int, text string, events ...event) control {
	return control{name: name, kind: "PushButton", x: 294 - 64*n, y: 243, width: 58, height: 17, attributes: visible | enabled, text: text, events: events}
}

func cancel() control { return button("Cancel", 0, "Cancel", event{"SpawnDialog", "CancelPage", ""}) }

func foot() control {
	return control{name: "Foot", kind: "Line", y: 234, width: 370, attributes: visible}
}

// full is a page of the usual size.
func full(name, enter, escape string, controls ...control) page {
	return page{name: name, width: 370, height: 270, attributes: visible | modal | minimizes, enter: enter, escape: escape, controls: append(controls, foot())}
}

// small is a question in front of a page.
func small(name string, attributes int, enter, escape, text string, buttons ...control) page {
	p := page{name: name, width: 260, height: 92, attributes: visible | modal | attributes, enter: enter, escape: escape}
	p.controls = []control{{name: "Question", kind: "Text", x: 16, y: 14, width: 228, height: 40, attributes: visible | enabled | transparent, text: text}}
	for i, b := range buttons {
		b.x, b.y = 186-62*i, 66
		p.controls = append(p.controls, b)
	}
	return p
}

// pages are what a person sees, by way: agreement and folder at the first installation, maintenance and removal later,
// progress and an end always.
func pages(licence string) []page {
	return append(questions(), []page{
		full("AgreementPage", "Next", "Cancel",
			title("Install [ProductName] [ProductVersion]"),
			label("Replaces", 34, 24, "It copies data between your network and the cloud. Settings and data of an earlier version are kept; if it is running, it is closed and opened again."),
			control{name: "Licence", kind: "ScrollableText", x: 20, y: 64, width: 330, height: 142, attributes: visible | enabled | sunken, text: licence},
			box("Accept", 213, "ACCEPTED", "I &accept the terms of the licence"),
			func() control {
				next := button("Next", 1, "&Next >", event{"NewDialog", "PlacePage", "ACCEPTED"})
				next.shown = []event{{"Disable", "", "NOT ACCEPTED"}, {"Enable", "", "ACCEPTED"}}
				return next
			}(),
			cancel()),
		full("PlacePage", "Install", "Cancel",
			title("Where, and how"),
			label("FolderLabel", 44, 12, "&Folder:"),
			control{name: "Folder", kind: "PathEdit", x: 20, y: 57, width: 264, height: 17, attributes: visible | enabled | indirect, property: "PLACE"},
			control{
				name: "Browse", kind: "PushButton", x: 290, y: 57, width: 60, height: 17, attributes: visible | enabled, text: "B&rowse...",
				events: []event{{"SpawnDialog", "BrowsePage", ""}},
			},
			box("Login", 96, "AUTOSTART", "&Start it at every sign-in"),
			everybody(box("Firewall", 116, "FIREWALL", "&Let other computers reach the page for credentials (TCP port 8050)")),
			everybody(label("FirewallNote", 132, 24, "The page answers to other computers only if its address is changed in the settings. Data never needs an open port.")),
			button("Install", 1, "&Install",
				event{"[NOAUTOSTART]", "0", "AUTOSTART"}, event{"[NOAUTOSTART]", "1", "NOT AUTOSTART"},
				event{"[NOFIREWALL]", "0", "FIREWALL"}, event{"[NOFIREWALL]", "1", "NOT FIREWALL"},
				event{"SetTargetPath", "[PLACE]", ""}, event{"EndDialog", "Return", ""}),
			button("Back", 2, "< &Back", event{"NewDialog", "AgreementPage", ""}),
			cancel()),
		full("MaintenancePage", "Repair", "Cancel",
			title("[ProductName] [ProductVersion]"),
			label("What", 44, 24, "It is installed on this computer. What should be done?"),
			button("Repair", 2, "&Repair", event{"[REINSTALL]", "ALL", ""}, event{"Reinstall", "ALL", ""}, event{"ReinstallMode", "amus", ""}, event{"EndDialog", "Return", ""}),
			button("Remove", 1, "Re&move", event{"NewDialog", "RemovePage", ""}),
			label("RepairNote", 76, 24, "Repair brings back missing and changed files and the entries in start menu and registry."),
			label("RemoveNote", 106, 24, "Remove takes the program off this computer."),
			cancel()),
		full("RemovePage", "Remove", "Cancel",
			title("Remove [ProductName]"),
			label("Keeps", 44, 36, "Your settings, the gateway's certificate, its log and its history are kept, so that a later installation goes on where this one ended."),
			box("Data", 92, "REMOVEDATA", "&Delete them too"),
			label("DataNote", 108, 36, "Without the certificate nobody can open the credentials that were sealed for this gateway: they have to be set again. What other people of this computer have is not deleted."),
			button("Remove", 1, "Re&move", event{"[REMOVE]", "ALL", ""}, event{"Remove", "ALL", ""}, event{"EndDialog", "Return", ""}),
			button("Back", 2, "< &Back", event{"NewDialog", "MaintenancePage", ""}),
			cancel()),
		func() page {
			p := full("ProgressPage", "", "Cancel",
				title("One moment"),
				control{
					name: "Doing", kind: "Text", x: 20, y: 70, width: 330, height: 12, attributes: visible | enabled | transparent | verbatim,
					follows: []event{{"ActionText", "Text", ""}},
				},
				control{
					name: "Bar", kind: "ProgressBar", x: 20, y: 86, width: 330, height: 12, attributes: visible | barOf95,
					follows: []event{{"SetProgress", "Progress", ""}},
				},
				cancel())
			p.attributes, p.first = visible|minimizes, "Cancel"
			return p
		}(),
		func() page {
			open := box("Open", 92, "OPEN", "&Open it now")
			open.shown = []event{{"Hide", "", "Installed"}}
			return full("DonePage", "Finish", "Finish",
				title("Done"),
				label("What", 44, 24, "[ProductName] [ProductVersion]: everything was done as asked."),
				open,
				button("Finish", 0, "&Finish", event{"DoAction", "OpenProgram", "OPEN AND NOT Installed"}, event{"EndDialog", "Return", ""}))
		}(),
		full("FailedPage", "Finish", "Finish",
			title("It did not work"),
			label("What", 44, 48, "[ProductName] was not changed. Windows keeps the reason in its event log (Application, source MsiInstaller); msiexec /l*v FILE.txt writes all of it down."),
			button("Finish", 0, "&Close", event{"EndDialog", "Exit", ""})),
		full("CancelledPage", "Finish", "Finish",
			title("Cancelled"),
			label("What", 44, 24, "Nothing was changed."),
			button("Finish", 0, "&Close", event{"EndDialog", "Exit", ""})),
	}...)
}

// questions are the pages that come in front of another one.
func questions() []page {
	says := func(text string) func(string, event) control {
		return func(name string, e event) control {
			return control{name: name, kind: "PushButton", width: 58, height: 17, attributes: visible | enabled, text: text, events: []event{e}}
		}
	}
	ends := func(text, name, with string) control { return says(text)(name, event{"EndDialog", with, ""}) }
	p := small("ErrorPage", errorDialog, "", "", "Windows says here what went wrong.")
	p.controls[0].name = "ErrorText"
	// Windows moves the buttons that fit the error to the middle and hides the others.
	for _, b := range []struct{ name, text string }{
		{"Abort", "&Abort"},
		{"Cancel", "Cancel"},
		{"Ignore", "&Ignore"},
		{"No", "&No"},
		{"Ok", "OK"},
		{"Retry", "&Retry"},
		{"Yes", "&Yes"},
	} {
		c := ends(b.text, b.name, "Error"+b.name)
		c.x, c.y = 100, 66
		p.controls = append(p.controls, c)
	}
	return []page{
		p,
		small("CancelPage", 0, "No", "No", "Stop and change nothing?", ends("&No, go on", "No", "Return"), ends("&Yes, stop", "Yes", "Exit")),
		{
			name: "FilesInUse", width: 320, height: 200, attributes: visible | modal | 16, first: "Retry", enter: "Retry", escape: "Exit",
			controls: []control{
				{name: "Question", kind: "Text", x: 16, y: 12, width: 288, height: 36, attributes: visible | enabled | transparent, text: "These programs use files that have to be changed. Close them and try again; or ignore it, and the change is complete after the next start of Windows."},
				{name: "List", kind: "ListBox", x: 16, y: 54, width: 288, height: 106, attributes: visible | enabled | sunken, property: "FileInUseProcess"},
				at(246, 174, ends("E&xit", "Exit", "Exit")), at(184, 174, ends("&Ignore", "Ignore", "Ignore")), at(122, 174, ends("&Retry", "Retry", "Retry")),
			},
		},
		{
			name: "BrowsePage", width: 320, height: 240, attributes: visible | modal, first: "Drive", enter: "Ok", escape: "Cancel",
			controls: []control{
				{name: "Drive", kind: "DirectoryCombo", x: 16, y: 14, width: 226, height: 80, attributes: visible | enabled | indirect | fixedDrives | remoteDrives, property: "PLACE"},
				at(246, 14, says("&Up")("Up", event{"DirectoryListUp", "0", ""})),
				{name: "Folders", kind: "DirectoryList", x: 16, y: 38, width: 288, height: 130, attributes: visible | enabled | sunken | indirect, property: "PLACE"},
				{name: "Path", kind: "PathEdit", x: 16, y: 178, width: 288, height: 17, attributes: visible | enabled | indirect, property: "PLACE"},
				at(246, 212, control{
					name: "Cancel", kind: "PushButton", width: 58, height: 17, attributes: visible | enabled, text: "Cancel",
					events: []event{{"Reset", "0", ""}, {"EndDialog", "Return", ""}},
				}),
				at(184, 212, control{
					name: "Ok", kind: "PushButton", width: 58, height: 17, attributes: visible | enabled, text: "OK",
					events: []event{{"SetTargetPath", "[PLACE]", ""}, {"EndDialog", "Return", ""}},
				}),
				at(16, 212, says("&New folder")("New", event{"DirectoryListNew", "0", ""})),
			},
		},
	}
}

func at(x, y int, c control) control {
	c.x, c.y = x, y
	return c
}
