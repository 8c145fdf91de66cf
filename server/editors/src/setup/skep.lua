-- Skep: files of your shares are live in this editor. Written by: skep editor setup nvim
local group = vim.api.nvim_create_augroup('skep', {})
local client

-- Where the cursor is, and what is selected, for the others.
local function point(bufnr)
  local at = vim.api.nvim_win_get_cursor(0)
  local line = vim.api.nvim_buf_get_lines(bufnr, at[1] - 1, at[1], false)[1] or ''
  local _, units = vim.str_utfindex(line, math.min(at[2], #line))
  local place = { line = at[1] - 1, character = units }
  local who = vim.lsp.get_client_by_id(client)
  if who then
    who.notify('skep/cursor', {
      textDocument = { uri = vim.uri_from_bufnr(bufnr) },
      ranges = { { start = place, ['end'] = place } },
    })
  end
end

-- While a file is live the hive writes it: saving runs what you hooked to saving, and no more.
local function save(bufnr, target)
  local function real(path)
    return vim.fn.resolve(vim.fn.simplify(vim.fn.fnamemodify(path, ':p')))
  end
  if real(target) ~= real(vim.api.nvim_buf_get_name(bufnr)) then
    vim.cmd('noautocmd write' .. (vim.v.cmdbang == 1 and '! ' or ' ') .. vim.fn.fnameescape(target))
    return
  end
  vim.cmd('silent doautocmd <nomodeline> BufWritePre')
  vim.bo[bufnr].modified = false
  vim.cmd('silent doautocmd <nomodeline> BufWritePost')
end

-- The others' edits; what was typed meanwhile is told first, and then they come again.
local function apply(_, params, context)
  local change = params.edit.documentChanges[1]
  local bufnr = vim.uri_to_bufnr(change.textDocument.uri)
  local version = change.textDocument.version
  if version > 0 and vim.api.nvim_buf_get_changedtick(bufnr) > version then
    return { applied = false }
  end
  local who = vim.lsp.get_client_by_id(context.client_id)
  vim.lsp.util.apply_text_edits(change.edits, bufnr, who.offset_encoding)
  return { applied = true }
end

local function live(_, told)
  local bufnr = vim.uri_to_bufnr(told.uri)
  vim.api.nvim_clear_autocmds({ group = group, buffer = bufnr })
  vim.bo[bufnr].autoread = false
  if not told.live then
    return
  end
  local function on(events, callback)
    vim.api.nvim_create_autocmd(events, { group = group, buffer = bufnr, callback = callback })
  end
  on('BufWriteCmd', function(event) save(bufnr, event.match) end)
  on('FileChangedShell', function() vim.v.fcs_choice = '' end)
  on({ 'CursorMoved', 'CursorMovedI' }, function() point(bufnr) end)
  if vim.lsp.inlay_hint then
    pcall(vim.lsp.inlay_hint.enable, true, { bufnr = bufnr })
  end
end

local function start(bufnr)
  if vim.bo[bufnr].buftype ~= '' or vim.api.nvim_buf_get_name(bufnr) == '' then
    return
  end
  if not client or not vim.lsp.get_client_by_id(client) then
    client = vim.lsp.start_client({
      name = 'skep',
      cmd = { 'SKEP', 'lsp' },
      root_dir = vim.fn.getcwd(),
      init_options = { live = true },
      flags = { debounce_text_changes = 10 },
      handlers = { ['skep/live'] = live, ['workspace/applyEdit'] = apply },
    })
  end
  if client then
    vim.lsp.buf_attach_client(bufnr, client)
  end
end

vim.api.nvim_create_autocmd({ 'BufReadPost', 'BufNewFile' }, {
  group = group,
  callback = function(event) start(event.buf) end,
})

local function command(name, words)
  local who = client and vim.lsp.get_client_by_id(client)
  if who then
    who.request('workspace/executeCommand', { command = name, arguments = words }, function() end)
  end
end
vim.api.nvim_create_user_command('SkepWho', function() command('skep.whoIsHere', {}) end, {})
vim.api.nvim_create_user_command('SkepFollow', function(given)
  command('skep.follow', { given.fargs[1] })
end, { nargs = '?' })
vim.api.nvim_create_user_command('SkepUnfollow', function() command('skep.unfollow', {}) end, {})
