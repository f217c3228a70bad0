// Writes opening-hours.tsv: whether a house is open at 1,000 moments, by the npm package opening_hours, which is the
// reference for OpenStreetMap's notation. Run it in a folder in which `npm install opening_hours@3.15.0` was run:
//
//     TZ=UTC node opening-hours.mjs > opening-hours.tsv
//
// A line has the text and, for each three moments, a letter: of c, o and u (closed, open, unknown) the first counts
// once, the second three and the third nine times.
import opening_hours from 'opening_hours';

const texts = [
    '24/7',
    'Mo-Fr 08:00-17:30',
    'Mo-Fr 08:00-12:00,13:00-17:30',
    'Mo-Fr 08:00-12:00,13:00-17:30; Sa 08:00-12:00',
    'Mo-Fr 08:00-12:00,13:00-17:30; Sa 08:00-12:00; PH off',
    'Mo-Sa 10:00-20:00; Tu off',
    'Mo-Sa 10:00-20:00; Tu 10:00-14:00',
    'Tu-Su 08:00-15:00; Sa 08:00-12:00',
    'Mo-Su 08:00-18:00; Apr 10-15 off; Jun 08:00-14:00; Aug off; Dec 25 off',
    'Sa-Su 00:00-24:00',
    'Mo 10:00-12:00,12:30-15:00; Tu-Fr 08:00-12:00,12:30-15:00; Sa 08:00-12:00',
    'Apr-Sep: Mo-Fr 09:00-13:00,14:00-18:00; Apr-Sep: Sa 10:00-13:00',
    'Nov-Mar Mo-Sa 10:00-16:00',
    'Mo-Fr 09:00-18:00; Dec 25-Jan 05 off',
    'week 1-53/2 Fr 09:00-12:00; week 2-52/2 We 09:00-12:00',
    'week 10-20 Mo-Fr 10:00-16:00',
    'Mo-Sa,PH 12:00-15:00,17:00-22:00',
    'Su,PH 10:00-12:00',
    'Fr-Sa 18:00-06:00',
    'Mo-Su 22:00-04:00',
    'Mo-Fr 09:00-18:00; 12:00-13:00 off',
    'We[1,3] 14:00-16:00',
    'Mo,Tu,Th,Fr 12:00-18:00; Sa,PH 12:00-17:00; Th[3],Th[-1] off',
    'Mo-Fr 12:00-18:00; We off; Sa,PH 12:00-17:00; Th[3],Th[-1] off',
    '2026 Mo-Fr 10:00-16:00; 2027 Mo-Fr 12:00-18:00',
    '2026-2027 Jan-Mar Mo-Fr 10:00-16:00',
    'Mo-Su 10:00-18:00; easter off',
    'Mo-Su 10:00-18:00; easter -2 days-easter +1 day off',
    'Mo-Fr 08:00-12:00, We 14:00-18:00',
    'Mo-Th 09:00-18:00, Fr 09:00-20:00, Sa 10:00-14:00',
    'open; Tu-Su 08:30-09:00 off; Tu-Su,PH 14:00-14:30 off; Mo 08:00-13:00 off',
    'Mo unknown "on appointment"; Th-Fr 09:00-18:00 open "female only"; Su closed "really"',
    'Fr-Mo 10:00-18:00',
    'Mo-Fr 09:00-26:00',
    '10:00-18:00',
    'Mo-Fr',
    'Jan Su[1]-Feb 03 10:00-20:00',
    'Jun-Sep 10:00-20:00; Oct-May Sa,Su 10:00-16:00',
    'Mar Su[-1]-Oct Su[-1] 09:00-21:00; Oct Su[-1]-Mar Su[-1] 10:00-17:00',
    'Mo-Su 09:00-22:00; Dec 24,Dec 31 09:00-14:00; Dec 25,Dec 26 off',
    'Sa[-1],Sa[-1] +1 day 10:00-16:00',
    'Mo-Fr 09:00-18:00; PH -1 day 09:00-12:00',
    'Mo-Su 20:00-04:00; Sa 18:00-06:00',
    'Su-Th 17:00-23:00; Fr-Sa 17:00-01:00',
    'Mo-Fr 09:00-18:00,10:00-12:00',
    'Jul-Aug off; Mo-Fr 09:00-17:00',
    // The rest stands in OpenStreetMap's wiki, below the name of the page: https://wiki.openstreetmap.org/wiki/NAME
    // Key:opening_hours
    'Mo-Fr 08:00-17:00',
    'Mo-Fr 08:30-20:00',
    // Key:opening_hours/Tutorial
    'Mo-Fr 08:00-12:00,13:00-17:30; Sa 08:00-12:00; PH 09:00-12:00',
    // FR:Key:opening_hours
    'Mo,We 08:00-12:00',
    // Pl:Key:opening_hours
    'Fr 08:30-20:00',
    'week 25 Mo 08:30-20:00',
    // FR:Key:opening_hours/specification
    'Mo-Fr closed',
    // Proposed_features/Time_domains
    'Mo-Fr 08:00-20:00; Sa 08:00-16:00',
    'Mo-Fr 08:00-12:00, 14:00-20:00',
    '06:00-20:00',
    'Mo-Fr 08:00-16:00; We 08:00-20:00',
    'Mo-Fr 08:00-12:00; 14:00-20:00',
    'Jan 1-Apr 15 Mo-Fr',
    // Key:service_times
    'Th[1] 17:00-19:00',
    // Key:opening_hours:drive_through
    'Mo-Fr 10:00-21:00',
    'Mo-Fr 10:00-23:00',
    // Proposed_features/visiting_hours
    'Mo-Fr 17:00-20:00; Sa-Su 10:00-12:00,17:00-20:00',
    // Proposed_features/Happy_hours
    'Mo-Fr 00:00-01:00,08:00-24:00; Sa 00:00-02:15,08:00-24:00; Su 00:00-02:15,10:00-24:00',
    'Mo 17:00-24:00; Tu 00:00-00:45; Tu-Th 17:00-21:00',
    // Key:lit
    'Mo-Fr 05:00-07:45',
    // Pl:Key:supervised
    'Mo-Fr 07:00-10:00, 14:00-16:00',
    // Conditional_restrictions
    '23:00-05:00',
    // Street_parking/Advanced_examples
    'Mo-Fr 07:00-09:00,15:00-18:00',
    'Mo-Fr 09:00-19:00; Sa 09:00-16:00',
    'Tu-Fr 09:00-18:00; Sa-Su 10:00-18:00',
    'Jan 1-15, Feb 1-15, Mar 1-15, Apr 1-15, May 1-15, Jun 1-15, Jul 1-15, Aug 1-15, Sep 1-15, Oct 1-15, Nov 1-15, Dec 1-15',
    // Key:parking:condition/complex
    'Mo-Fr 07:00-19:00, Sa 11:00-17:00',
    'Oct 1-Apr 30: Mo 10:00-15:00',
    // RU:Key:parking:condition/complex
    'Sa-Su 00:00-24:00, Mo-Fr 00:00-08:00, Mo-Fr 18:00-24:00',
    // Key:opening_hours, by the tests of others: see README.md
    'Su-Tu 11:00-01:00, We-Th 11:00-03:00, Fr 11:00-06:00, Sa 11:00-07:00',
    'Mo-Su,PH 15:00-03:00; easter -2 days off',
    'Mo-Su 08:00-23:00',
    '06:00-18:00',
    '07:00-14:00',
    '10:00-13:30,17:00-20:30',
    'Mo,We,Th,Fr 12:00-18:00; Sa-Su 12:00-17:00',
];

const place = { lat: 48.86, lon: 2.35, address: { country_code: 'fr', country: 'France', state: 'Île-de-France' } };
const first = new Date(2026, 0, 1);

// Three years, each minute of the day and, every other time, only half hours.
function moment(index) {
    const minutes = index * 1579;
    return new Date(first.getTime() + 60_000 * (index % 2 ? minutes : minutes - minutes % 30));
}

console.log('# made by opening-hours.mjs');
for (const text of texts) {
    const hours = new opening_hours(text, place);
    let letters = '';
    for (let index = 0; index < 1000; index += 3) {
        let code = 0;
        for (let digit = 0; digit < 3 && index + digit < 1000; digit++) {
            const time = moment(index + digit);
            const state = hours.getState(time) ? 1 : hours.getUnknown(time) ? 2 : 0;
            code += state * 3 ** digit;
        }
        letters += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ_'[code];
    }
    console.log(`${text}\t${letters}`);
}
