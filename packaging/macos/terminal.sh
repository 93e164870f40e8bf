#!/bin/sh
# Starts in place of the window where that was not built: a terminal window with what the command line can do.
exec open -a Terminal "$(dirname "$0")/dmgcmd"
