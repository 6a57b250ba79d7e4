/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between a sandbox and the programs that use it: JSON objects, one a line, both ways.
 *
 * While it starts, on the pipe to the program that asked for it, which is closed after
 * either of the last two:
 *
 * - {"progress": "a line"}
 * - {"failed": "a sentence"}
 * - {"ready": {"folder", "uri", "replica_uri", "application_file"}}
 *
 * Later, on FOLDER/sandbox.sock; each open connection keeps the sandbox alive:
 *
 * - {"verb": "result"} is answered by {"result": {…}} with the members of struct
 *   lk_sandbox_result, or by {"failed": "a sentence"}
 * - {"verb": "compare"} is answered in the same way while the application goes on
 * - {"verb": "stop"}: the connection closes when everything is gone
 */
#ifndef LK_SANDBOX_PROTOCOL_H
#define LK_SANDBOX_PROTOCOL_H

#define LK_SANDBOX_SOCKET "sandbox.sock"
#define LK_SANDBOX_PREFIX "lockkeeper-sandbox"
/* The hidden verb; options follow it as pairs: --kind N (of lk_servers_kinds) --rows N --writes N --connections N --max-time-ms N
 * --idle-ms N --keep 0|1. */
#define LK_SANDBOX_VERB "sandbox-server"

#endif
