// Package e2e starts the real desktop program on a display of its own and uses it as a person does: by mouse, keyboard,
// window manager, tray and notifications, with a real factory. Where a program that it needs is missing, its tests are
// skipped, and fail in CI.
//
// # How a story finds what it clicks
//
// No story knows a coordinate. The program under test is built with the tag e2e, which adds one file to it
// (app/inspect_e2e.go): on a Unix socket it answers what its window shows, object by object, and where. A story asks for
// a button, an entry or a line by the words that a person reads, waits until it is there, can be used and stands still, and
// moves the real pointer into its middle. What is scrolled away is brought into sight by the wheel. Everything that is done
// goes through the X server; the socket only answers.
//
// Stories wait for states, never for times: the limits below only end a test whose state never comes.
//
// DMG_BINARY names a program to test instead of the checkout's; it has to be built with the tags gles and e2e.
//
// # The soak
//
// TestSoak runs where SOAK says for how long (make soak). It writes what the program needs, every five seconds, into
// a file of comma-separated values, and fails where memory does not stay flat or the window costs too much.
package e2e
