<#
.SYNOPSIS
Registers this machine's Data Management Gateway with a gateway key.
.EXAMPLE
.\RegisterGateway.ps1 $key
.PARAMETER Key
The gateway key. It reaches the gateway by standard input, so that no list of processes shows it.
.PARAMETER IsRegisterOnRemoteMachine
Taken for the sake of older scripts: true says that this runs in a remote session. Registering is the same.
#>
param(
    [Parameter(Mandatory = $true, Position = 0)][ValidateNotNullOrEmpty()][string]$Key,
    [ValidateSet('true', 'false')][string]$IsRegisterOnRemoteMachine = 'false'
)
$ErrorActionPreference = 'Stop'
$dmgcmd = Join-Path $PSScriptRoot 'dmgcmd.exe'
if (-not (Test-Path -LiteralPath $dmgcmd)) {
    Write-Error "dmgcmd.exe is not beside this script ($PSScriptRoot). Run the script from the gateway's installation folder."
    exit 1
}
$Key | & $dmgcmd register '-'
exit $LASTEXITCODE
