// Package tray is the icon in the desktop's notification area: an icon for each state, a tooltip, a menu, and
// notifications. It needs no window and no OpenGL, so it is there also where the window cannot be.
package tray
