# Second names: opencode's own documents speak of "agents", its file says "agent".
{
  agents = "agent";
  commands = "command";
  permissions = "permission";
  providers = "provider";
}
