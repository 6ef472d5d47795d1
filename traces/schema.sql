-- SPDX-License-Identifier: Apache-2.0
-- The *.shardscope file, version 3; every table and column is described in FORMAT.md. NULL means "none" or "not a number".
-- Tables ending in _row hold enums as small numbers, because they have many rows; the views without the suffix show words.

CREATE TABLE run(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE name(id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE lane(id INTEGER PRIMARY KEY, rank INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL);

CREATE TABLE op(id INTEGER PRIMARY KEY, name TEXT NOT NULL, lane TEXT NOT NULL, phase TEXT NOT NULL,
                op_class TEXT NOT NULL, layer INTEGER, bucket INTEGER, elements INTEGER NOT NULL, bytes INTEGER NOT NULL,
                config_key TEXT);
CREATE TABLE op_wait(op INTEGER NOT NULL, waits_for INTEGER NOT NULL, PRIMARY KEY(op, waits_for)) WITHOUT ROWID;
CREATE TABLE bucket(id INTEGER PRIMARY KEY, elements INTEGER NOT NULL, padded_elements INTEGER NOT NULL,
                    bytes INTEGER NOT NULL, parameters TEXT NOT NULL, closed_because TEXT NOT NULL);
CREATE TABLE planned_peak(id INTEGER PRIMARY KEY, rank INTEGER NOT NULL, tier TEXT NOT NULL, category TEXT NOT NULL,
                          bytes INTEGER NOT NULL);

CREATE TABLE event_row(id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL,
                       op INTEGER, name INTEGER, step INTEGER, phase INTEGER NOT NULL, op_class INTEGER NOT NULL,
                       layer INTEGER, bucket INTEGER, elements INTEGER NOT NULL, bytes INTEGER NOT NULL,
                       sent_bytes INTEGER NOT NULL, wait_ns INTEGER NOT NULL, emulated_ns INTEGER NOT NULL,
                       correlation INTEGER, process_group INTEGER);
CREATE TABLE memory_row(id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, rank INTEGER NOT NULL, tier INTEGER NOT NULL,
                        category INTEGER NOT NULL, delta_bytes INTEGER NOT NULL, buffer INTEGER, op INTEGER, step INTEGER);
CREATE TABLE step(step INTEGER PRIMARY KEY, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, loss REAL,
                  learning_rate REAL, tokens INTEGER NOT NULL, gradient_norm REAL, loss_scale REAL NOT NULL,
                  skipped INTEGER NOT NULL);
-- Imported traces; counter_row in recordings of GPUs as well.
CREATE TABLE process_group(id INTEGER PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL, size INTEGER NOT NULL,
                           ranks TEXT NOT NULL);
CREATE TABLE counter_row(id INTEGER PRIMARY KEY, time_ns INTEGER NOT NULL, rank INTEGER NOT NULL, name INTEGER NOT NULL,
                         value REAL);

CREATE TABLE warning(id INTEGER PRIMARY KEY, kind TEXT NOT NULL, text TEXT NOT NULL, count INTEGER NOT NULL);

-- Written when the run ends: the events of a lane as compressed columns, and coarser versions of them for drawing.
CREATE TABLE lane_chunk(lane INTEGER NOT NULL, level INTEGER NOT NULL, chunk INTEGER NOT NULL, count INTEGER NOT NULL,
                        first_start_ns INTEGER NOT NULL, last_start_ns INTEGER NOT NULL, last_end_ns INTEGER NOT NULL,
                        shape BLOB NOT NULL, detail BLOB, PRIMARY KEY(lane, level, chunk));

CREATE TABLE phase(id INTEGER PRIMARY KEY, text TEXT NOT NULL);
INSERT INTO phase VALUES (0,'initialize'), (1,'forward'), (2,'backward'), (3,'recompute'), (4,'optimizer'),
                         (5,'unknown');
CREATE TABLE op_class(id INTEGER PRIMARY KEY, text TEXT NOT NULL);
INSERT INTO op_class VALUES (0,'compute'), (1,'all_gather'), (2,'reduce_scatter'), (3,'all_reduce'), (4,'broadcast'),
                            (5,'copy'), (6,'storage'), (7,'host'), (8,'reduce'), (9,'all_to_all'), (10,'send_recv'),
                            (11,'communication'), (12,'synchronize'), (13,'cpu_op'), (14,'api_call'), (15,'annotation');
CREATE TABLE memory_category(id INTEGER PRIMARY KEY, text TEXT NOT NULL);
INSERT INTO memory_category VALUES (0,'parameters'), (1,'gradients'), (2,'optimizer'), (3,'master_weights'),
                                   (4,'activations'), (5,'comm_buffers'), (6,'workspace'), (7,'other');
CREATE TABLE memory_tier(id INTEGER PRIMARY KEY, text TEXT NOT NULL);
INSERT INTO memory_tier VALUES (0,'device'), (1,'host'), (2,'nvme');

CREATE VIEW event AS
  SELECT e.id, l.rank, l.kind AS lane, n.text AS name, e.step, p.text AS phase, c.text AS op_class, e.layer, e.bucket,
         e.start_ns, e.end_ns, e.end_ns - e.start_ns AS duration_ns, e.elements, e.bytes, e.sent_bytes, e.wait_ns,
         e.emulated_ns, e.op, e.lane AS lane_id, e.correlation, e.process_group
    FROM event_row e LEFT JOIN lane l ON l.id = e.lane LEFT JOIN name n ON n.id = e.name
         LEFT JOIN phase p ON p.id = e.phase LEFT JOIN op_class c ON c.id = e.op_class;
CREATE VIEW collective AS
  SELECT id, rank, name, op_class AS collective, step, phase, layer, bucket, elements, bytes, sent_bytes, start_ns,
         end_ns, duration_ns, wait_ns, duration_ns - wait_ns AS transfer_ns, emulated_ns, op, process_group
    FROM event WHERE op_class IN ('all_gather', 'reduce_scatter', 'all_reduce', 'broadcast', 'reduce', 'all_to_all',
                                  'send_recv', 'communication');
CREATE VIEW memory AS
  SELECT m.id, m.time_ns, m.rank, t.text AS tier, c.text AS category, m.delta_bytes, n.text AS buffer, m.op, m.step
    FROM memory_row m LEFT JOIN memory_tier t ON t.id = m.tier LEFT JOIN memory_category c ON c.id = m.category
         LEFT JOIN name n ON n.id = m.buffer;
CREATE VIEW counter AS
  SELECT c.id, c.time_ns, c.rank, n.text AS name, c.value FROM counter_row c LEFT JOIN name n ON n.id = c.name;
