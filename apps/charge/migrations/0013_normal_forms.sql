-- A mobile number of Argentina has a 9 before its ten digits. Where both spellings are registered, the job says so.
UPDATE charge_phone SET number = '+549' || substr(number, 4)
WHERE number LIKE '+54%' AND length(number) = 13 AND same_as IS NULL
    AND NOT EXISTS (SELECT 1 FROM charge_phone o WHERE o.number = '+549' || substr(charge_phone.number, 4));

UPDATE charge_phone SET is_checked = 0 WHERE number LIKE '+54%' AND same_as IS NULL;

-- A number that still has a trunk prefix after its country's code, which has three digits with these beginnings and two
-- otherwise, is looked at again by the job. No country with a code of one digit has 0 for a prefix.
UPDATE charge_phone SET is_checked = 0
WHERE same_as IS NULL AND substr(number, 2, 1) NOT IN ('1', '7') AND '0' =
    CASE WHEN substr(number, 2, 2) IN ('21', '22', '23', '24', '25', '26', '29', '35', '37', '38', '42', '50', '59', '67',
        '68', '69', '80', '85', '87', '88', '96', '97', '99') THEN substr(number, 5, 1) ELSE substr(number, 4, 1) END;

-- A printed label is no part of a reference, and digits of other scripts are digits: the program fills these in anew
-- before it looks for a form.
UPDATE charge_credit SET reference_form = NULL
WHERE reference_form LIKE 'UTR%' OR reference_form LIKE 'RRN%' OR reference_form LIKE 'REF%' OR reference_form LIKE 'UPI%'
    OR reference_form LIKE 'BANK%' OR reference_form LIKE 'TXN%' OR reference_form LIKE 'TRANSACTION%';

/*sqlite
UPDATE charge_credit SET reference_form = NULL WHERE reference_form GLOB '*[^ -~]*';
*/
/*postgres
UPDATE charge_credit SET reference_form = NULL WHERE reference_form !~ '^[ -~]*$';
*/
