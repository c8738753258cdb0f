; The installer of Windows, by Inno Setup 6. packaging/build.py runs it; by hand:
;   iscc /DVersion=0.1.0 /DKind=desktop /DSource=dist\desktop\orca-agents /DInto=dist /DName=orca-agents orca-agents.iss
; Not tried on Windows yet.
;
; Without a question:  orca-agents-...-setup.exe /VERYSILENT /SUPPRESSMSGBOXES /NORESTART
; For all users:       the same with /ALLUSERS (as administrator); else for this user alone.
; Fixed settings:      put managed.toml into %ProgramData%\Orca Agents before or after, as administrator.

#ifndef Version
  #error Version is not given: /DVersion=...
#endif
#ifndef Kind
  #define Kind "headless"
#endif
#ifndef Source
  #define Source "..\..\dist\" + Kind + "\orca-agents"
#endif
#ifndef Into
  #define Into "..\..\dist"
#endif
#ifndef Name
  #define Name "orca-agents-" + Version + "-windows"
#endif
#define Window "Orca Agents.exe"
#define Command "orca-agent.exe"

[Setup]
; The same for every version and kind, so that one takes the place of the other.
AppId={{6E0F6A5C-2C3B-4B0C-9C6B-6B5B7E1C9A51}
AppName=Orca Agents
AppVersion={#Version}
AppVerName=Orca Agents {#Version}
AppPublisher=The Orca Agents authors
VersionInfoVersion={#Version}
DefaultDirName={autopf}\Orca Agents
DefaultGroupName=Orca Agents
DisableProgramGroupPage=yes
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog commandline
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
MinVersion=10.0.17763
LicenseFile=..\..\LICENSE
OutputDir={#Into}
OutputBaseFilename={#Name}-setup
Compression=lzma2
SolidCompression=yes
WizardStyle=modern
ChangesEnvironment=yes
; An agent that runs holds its files open.
CloseApplications=yes
RestartApplications=no
UninstallDisplayName=Orca Agents
#ifdef Signed
SignTool=hook
SignedUninstaller=yes
#endif

[Languages]
Name: "en"; MessagesFile: "compiler:Default.isl"
Name: "de"; MessagesFile: "compiler:Languages\German.isl"

[CustomMessages]
en.AddToPath=Let terminals find the command orca-agent
de.AddToPath=Den Befehl orca-agent in Terminals verfügbar machen
en.DesktopIcon=Put an icon on the desktop
de.DesktopIcon=Symbol auf dem Desktop anlegen
en.KeepData=Delete your conversations, files and settings, too?%n%nNo keeps them for the next installation.
de.KeepData=Auch Ihre Unterhaltungen, Dateien und Einstellungen löschen?%n%nNein behält sie für die nächste Installation.

[Tasks]
Name: "path"; Description: "{cm:AddToPath}"
Name: "icon"; Description: "{cm:DesktopIcon}"; Flags: unchecked

[Files]
Source: "{#Source}\*"; DestDir: "{app}"; Flags: ignoreversion recursesubdirs createallsubdirs

[InstallDelete]
; What an older version had, and this one has not.
Type: filesandordirs; Name: "{app}\_internal"

[Icons]
#if Kind == "desktop"
Name: "{group}\Orca Agents"; Filename: "{app}\{#Window}"; AppUserModelID: "OrcaAgents.Desktop"
Name: "{autodesktop}\Orca Agents"; Filename: "{app}\{#Window}"; Tasks: icon; AppUserModelID: "OrcaAgents.Desktop"
#else
Name: "{group}\Orca Agents"; Filename: "{app}\{#Command}"; Parameters: "serve"
Name: "{autodesktop}\Orca Agents"; Filename: "{app}\{#Command}"; Parameters: "serve"; Tasks: icon
#endif

[Registry]
Root: HKA; Subkey: "{code:EnvironmentKey}"; ValueType: expandsz; ValueName: "Path"; ValueData: "{olddata};{app}"; Tasks: path; Check: NeedsPath

[Run]
#if Kind == "desktop"
Filename: "{app}\{#Window}"; Description: "{cm:LaunchProgram,Orca Agents}"; Flags: nowait postinstall skipifsilent
#else
Filename: "{app}\{#Command}"; Parameters: "serve"; Description: "{cm:LaunchProgram,Orca Agents}"; Flags: nowait postinstall skipifsilent
#endif

[UninstallRun]
Filename: "{app}\{#Command}"; Parameters: "stop"; Flags: runhidden waituntilterminated; RunOnceId: "stop"

[Code]
function EnvironmentKey(Param: String): String;
begin
  if IsAdminInstallMode then
    Result := 'SYSTEM\CurrentControlSet\Control\Session Manager\Environment'
  else
    Result := 'Environment';
end;

function EnvironmentRoot: Integer;
begin
  if IsAdminInstallMode then Result := HKEY_LOCAL_MACHINE else Result := HKEY_CURRENT_USER;
end;

function NeedsPath: Boolean;
var
  Known: String;
begin
  Result := not RegQueryStringValue(EnvironmentRoot, EnvironmentKey(''), 'Path', Known)
    or (Pos(';' + Uppercase(ExpandConstant('{app}')) + ';', ';' + Uppercase(Known) + ';') = 0);
end;

{ An agent of the version before is asked to end before its files are replaced. }
function PrepareToInstall(var NeedsRestart: Boolean): String;
var
  Code: Integer;
begin
  if FileExists(ExpandConstant('{app}\{#Command}')) then
    Exec(ExpandConstant('{app}\{#Command}'), 'stop', '', SW_HIDE, ewWaitUntilTerminated, Code);
  Result := '';
end;

function Icacls(Folder, Wanted: String): Boolean;
var
  Code: Integer;
begin
  Result := Exec(ExpandConstant('{sys}\icacls.exe'), '"' + Folder + '" ' + Wanted, '', SW_HIDE, ewWaitUntilTerminated, Code)
    and (Code = 0);
end;

{ Every user may make folders in ProgramData: this one belongs to the administrators before anybody
  else has it, or from now on. What others put into it stays theirs, and the agent does not follow it. }
procedure CurStepChanged(Step: TSetupStep);
var
  Folder: String;
begin
  if (Step <> ssPostInstall) or not IsAdminInstallMode then
    exit;
  Folder := ExpandConstant('{commonappdata}\Orca Agents');
  if not ForceDirectories(Folder)
    or not Icacls(Folder, '/setowner *S-1-5-32-544')
    or not Icacls(Folder, '/reset')
    or not Icacls(Folder, '/inheritance:r /grant:r *S-1-5-32-544:(OI)(CI)F *S-1-5-18:(OI)(CI)F *S-1-5-32-545:(OI)(CI)RX') then
    Log('The folder for fixed settings could not be given to the administrators alone.');
end;

procedure TakeFromPath;
var
  Known, Rest: String;
  At: Integer;
begin
  if not RegQueryStringValue(EnvironmentRoot, EnvironmentKey(''), 'Path', Known) then
    exit;
  Rest := ';' + Known + ';';
  At := Pos(';' + Uppercase(ExpandConstant('{app}')) + ';', Uppercase(Rest));
  if At = 0 then
    exit;
  Delete(Rest, At, Length(ExpandConstant('{app}')) + 1);
  RegWriteExpandStringValue(EnvironmentRoot, EnvironmentKey(''), 'Path', Copy(Rest, 2, Length(Rest) - 2));
end;

{ What the user made is the user's: it goes only after a question, and never without one. }
procedure CurUninstallStepChanged(Step: TUninstallStep);
var
  Data: String;
begin
  if Step <> usPostUninstall then
    exit;
  TakeFromPath;
  { What the panel's "start with the computer" has written. }
  RegDeleteValue(HKEY_CURRENT_USER, 'Software\Microsoft\Windows\CurrentVersion\Run', 'Orca Agents');
  Data := ExpandConstant('{localappdata}\orca-agents');
  if DirExists(Data) and not UninstallSilent then
    if MsgBox(CustomMessage('KeepData'), mbConfirmation, MB_YESNO or MB_DEFBUTTON2) = IDYES then
      DelTree(Data, True, True, True);
end;
