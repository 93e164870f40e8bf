<#
.SYNOPSIS
Turns automatic updates of this machine's Data Management Gateway on or off.
.EXAMPLE
.\GatewayAutoUpdateToggle.ps1 -off
#>
[CmdletBinding(DefaultParameterSetName = 'On')]
param(
    [Parameter(Mandatory = $true, ParameterSetName = 'On')][switch]$on,
    [Parameter(Mandatory = $true, ParameterSetName = 'Off')][switch]$off
)
$ErrorActionPreference = 'Stop'
$dmgcmd = Join-Path $PSScriptRoot 'dmgcmd.exe'
if (-not (Test-Path -LiteralPath $dmgcmd)) {
    Write-Error "dmgcmd.exe is not beside this script ($PSScriptRoot). Run the script from the gateway's installation folder."
    exit 1
}
if ($on) { $state = 'on' } else { $state = 'off' }
& $dmgcmd update auto $state
exit $LASTEXITCODE
