// Wrote avsc-null.avro and avsc-deflate.avro, with avsc 5.7.9 of npm.
const avro = require('avsc');
const schema = {type: 'record', name: 'Person', namespace: 'org.example', fields: [
  {name: 'id', type: 'long'}, {name: 'name', type: ['null', 'string'], default: null}, {name: 'score', type: 'double'}, {name: 'ok', type: 'boolean'},
  {name: 'raw', type: 'bytes'}, {name: 'color', type: {type: 'enum', name: 'Color', symbols: ['RED', 'GREEN']}},
  {name: 'address', type: {type: 'record', name: 'Address', fields: [{name: 'street', type: 'string'}, {name: 'no', type: ['null', 'int'], default: null}]}},
  {name: 'tags', type: {type: 'array', items: 'string'}}, {name: 'scores', type: {type: 'map', values: 'int'}},
  {name: 'any', type: ['null', 'int', 'string', 'boolean']}, {name: 'when', type: {type: 'long', logicalType: 'timestamp-millis'}}]};
const type = avro.Type.forSchema(schema);
for (const codec of ['null', 'deflate']) {
  const enc = avro.createFileEncoder('avsc-' + codec + '.avro', type, {codec, blockSize: 512});
  for (let i = 0; i < 40; i++) {
    enc.write({id: i * 1000003, name: i % 3 ? 'näme ' + i : null, score: i / 4, ok: i % 2 == 0, raw: Buffer.from([i, 255 - i]), color: i % 2 ? 'RED' : 'GREEN',
      address: {street: 'Street ' + i, no: i % 5 ? i : null}, tags: i % 4 ? ['a', 'b' + i] : [], scores: {x: i}, any: [null, i, 't' + i, true][i % 4], when: 1580000000000 + i});
  }
  enc.end();
}
