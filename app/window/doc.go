// Package window draws the program's window with Fyne: a page for each of Home, Settings, Diagnostics and Help, in a
// theme of its own. What the pages show comes from package view; what a person does goes there. Everything in this
// package happens on Fyne's own goroutine; bridge.go is the only place where another one's news enter.
package window
